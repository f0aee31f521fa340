import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { startGroup } from '../../harness/systems/process-group.ts'
import { routerWorld, server } from '../testing/router-world.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { which } from '../testing/which.ts'
import { haproxyCsv } from './haproxy-csv.ts'
import { routerState } from './state.ts'

type Rows = Record<string, string>[]

function rowsOf(text: string): Rows {
  return parse(text.replace(/^# /, ''), { columns: true, skip_empty_lines: true })
}

t.test('a collector finds each server, the frontend and the backend', async (t) => {
  const { router, clock, origin, get } = routerWorld()
  origin('cache1').put('/b/k', 'known')
  router.start()
  await clock.advance(2000)
  await get('/b/k')
  origin('s3').mood = 503
  await clock.advance(300)
  const rows = rowsOf(haproxyCsv(routerState(router, clock)))
  t.same(
    rows.map(({ svname }) => svname),
    ['FRONTEND', 'cache1', 's3', 'BACKEND'],
  )
  const [front, cache1, s3, back] = rows as [Rows[0], Rows[0], Rows[0], Rows[0]]
  t.match(front, { status: 'OPEN', stot: '1', type: '0', scur: '1' })
  t.match(cache1, {
    status: 'UP',
    act: '1',
    bck: '0',
    type: '2',
    check_status: 'L7OK',
    hrsp_2xx: '1',
    slim: '512',
  })
  t.match(cache1, {
    check_code: '404',
    check_health: '4',
    check_rise: '2',
    check_fall: '3',
    addr: 'cache1.test',
  })
  t.match(s3, {
    status: 'UP 2/3',
    act: '0',
    bck: '1',
    check_status: 'L7STS',
    check_code: '503',
    chkfail: '1',
    check_health: '3',
  })
  t.match(back, { status: 'UP', act: '1', bck: '1', type: '1', stot: '1' })
  await clock.advance(10_000)
  const later = rowsOf(haproxyCsv(routerState(router, clock)))[2]!
  t.match(later, { status: 'DOWN', chkdown: '1', check_health: '0' })
  t.ok(Math.abs(Number(later.downtime) - 10) <= 1)
})

t.test('what an operator set, and a server without checks, are shown in HAProxy’s words', async (t) => {
  const { router, clock, backend } = routerWorld([
    server('a'),
    server('b'),
    server('c', { check: null }),
    server('d'),
  ])
  backend('a').setMode('maint')
  backend('b').setMode('drain')
  const rows = rowsOf(haproxyCsv(routerState(router, clock)))
  t.same(
    rows.slice(1, 5).map(({ status }) => status),
    ['MAINT', 'DRAIN', 'no check', 'UP'],
  )
  t.equal(rows[4]!.check_status, 'INI')
})

t.test('what clients send is counted at the frontend as at the servers', async (t) => {
  const { router, clock, get } = routerWorld([server('s3')])
  const body = (async function* () {
    yield Buffer.from('seven B')
  })()
  await get('/b/k', { method: 'PUT', headers: ['Content-Length', '7'], body })
  const rows = rowsOf(haproxyCsv(routerState(router, clock)))
  t.same(
    rows.map(({ svname, bin }) => [svname, bin]),
    [
      ['FRONTEND', '7'],
      ['s3', '7'],
      ['BACKEND', '7'],
    ],
  )
})

const haproxy = which('haproxy')
t.test(
  'the columns are those of the real HAProxy',
  { skip: haproxy ? false : 'haproxy not found on PATH' },
  async (t) => {
    const real = await realCsv(t.testdir())
    const { router } = routerWorld()
    const ours = haproxyCsv(routerState(router, new VirtualClock()))
    const header = (text: string) => text.split('\n', 1)[0]!.split(',')
    const [theirs, mine] = [header(real), header(ours)]
    const common = mine.slice(0, mine.indexOf('-'))
    t.same(theirs.slice(0, common.length), common, 'every column a collector reads, in order')
    t.ok(theirs.length >= common.length)
    const widths = (text: string) =>
      new Set(
        text
          .trimEnd()
          .split('\n')
          .map((line) => line.split(',').length),
      )
    t.same(widths(ours), new Set([mine.length]), 'each line as long as the header')
    t.equal(real.endsWith('\n\n'), ours.endsWith('\n\n'))
  },
)

/** What the installed HAProxy says of itself. */
async function realCsv(folder: string): Promise<string> {
  const port = await freePort()
  const { writeFile } = await import('node:fs/promises')
  const file = `${folder}/haproxy.cfg`
  const times = 'timeout connect 1s\n timeout client 1s\n timeout server 1s'
  await writeFile(
    file,
    `defaults\n mode http\n ${times}\nfrontend stats\n bind 127.0.0.1:${port}\n stats enable\n stats uri /\n`,
  )
  const group = await startGroup([haproxy!, '-db', '-f', file], folder, `${folder}/haproxy.log`)
  try {
    for (let i = 0; i < 50; i++) {
      const response = await fetch(`http://127.0.0.1:${port}/;csv`).catch(() => null)
      if (response?.ok) return await response.text()
      await sleep(50)
    }
    throw new Error('haproxy did not answer')
  } finally {
    await group.stop(0)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  return typeof address === 'object' && address ? address.port : 0
}
