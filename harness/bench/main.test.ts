import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const script = fileURLToPath(new URL('./main.ts', import.meta.url))

function bench(args: readonly string[], path = process.env.PATH) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: { ...process.env, PATH: path },
  })
  return { status, stdout, stderr }
}

t.test('what is not a bench is answered with one line that lists them, exit 254', async (t) => {
  for (const args of [
    [],
    ['nope'],
    ['cache', 'chain'],
    ['cache', '--json'],
    ['cache', '--fast'],
    ['toString'],
  ]) {
    const { status, stdout, stderr } = bench(args)
    t.equal(status, 254, args.join(' '))
    t.equal(stdout, '')
    t.match(
      stderr,
      /^.*the benches are cache, chain, generator, store-restart, toxiproxy, toxiproxy-accuracy\n$/,
    )
  }
})

t.test('a bench whose tools are missing says so, and is not taken for passed', async (t) => {
  const { status, stdout } = bench(['chain'], '/nowhere')
  t.equal(status, 2)
  t.equal(stdout, 'skipped: bench chain needs nginx and haproxy and wrk on PATH\n')
})
