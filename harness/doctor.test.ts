import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { doctor, findCommand } from './doctor.ts'

t.test(
  'names a tool that is on PATH with its version, and says that one is missing when it is',
  async (t) => {
    const bin = t.testdir({ nginx: '#!/bin/sh\necho "nginx version: nginx/9.8.7" >&2\n' })
    chmodSync(join(bin, 'nginx'), 0o755)
    const { findings, text } = await doctor({ PATH: bin })
    const nginx = findings.find((finding) => finding.name === 'nginx')
    t.match(nginx, { found: '9.8.7', path: join(bin, 'nginx') })
    t.equal(findings.find((finding) => finding.name === 'HAProxy')?.found, null)
    t.match(text, /– HAProxy +not found/)
  },
)

t.test('a tool that fails to tell its version is still found', async (t) => {
  const bin = t.testdir({ wrk: '#!/bin/sh\nexit 3\n' })
  chmodSync(join(bin, 'wrk'), 0o755)
  const { findings } = await doctor({ PATH: bin })
  t.match(findings.find((finding) => finding.name === 'wrk')?.found, /does not tell/)
})

t.test('a folder or a file that cannot be executed is no command', async (t) => {
  const bin = t.testdir({ nginx: {}, haproxy: 'not executable' })
  t.equal(findCommand('nginx', [bin]), null)
  t.equal(findCommand('haproxy', [bin]), null)
})

t.test('the machine itself is described: Node, open files, cores, memory', async (t) => {
  const { findings, isReady } = await doctor({ PATH: '' })
  for (const name of ['Node', 'Open files', 'Cores', 'Memory']) {
    t.ok(findings.find((finding) => finding.name === name)?.found, name)
  }
  t.equal(isReady, true, 'no optional tool makes the machine unready')
})
