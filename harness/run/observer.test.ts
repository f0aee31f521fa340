import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HistoryLine } from '../history/events.ts'
import type { Deployment } from './deployment.ts'
import { observe } from './observer.ts'

/** A part whose page says what `page` gives; null: it never answers. */
async function partSaying(t: Test, name: string, page: () => object | null) {
  const server = createServer((_, response) => {
    const state = page()
    if (state !== null) response.end(JSON.stringify(state))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    name,
    running: true,
    description: { observe: { state: '{page}' } },
    fill: (text: string) => (text === '{port}' ? String(port) : `http://127.0.0.1:${port}/`),
    usage: () => ({ cpuSeconds: 0, rssBytes: 5, maxRssBytes: 5 }),
    sampleUsage: async () => {},
  }
}

/** Watches until `enough`; gives what was told. */
async function watched(parts: readonly unknown[], enough: (lines: readonly HistoryLine[]) => boolean) {
  const lines: HistoryLine[] = []
  const deployment = {
    parts,
    toxiproxy: { bytesByLink: async () => new Map([['cache-s3', { upstream: 1, downstream: 2 }]]) },
    origin: { requestLog: async () => ({ entries: [], missed: 0 }) },
  }
  const startMs = Date.now()
  const nowMs = () => Date.now() - startMs
  const observer = observe(
    deployment as unknown as Deployment,
    (line) => lines.push(line),
    nowMs,
    startMs,
    false,
  )
  while (!enough(lines)) await sleep(20)
  await observer.stop()
  return { lines, observer }
}

const router = (state: string) => ({
  backends: [{ name: 's3', state, because: 'probe', downtimeMs: 70, inFlight: 2, queued: 1 }],
})
const cache = {
  store: { usedBytes: 9, entries: 1, evictions: 3 },
  origins: [{ name: 's3', breaker: { kind: 'closed' }, turns: { inFlight: 1, waiting: 0 } }],
}

t.test('what parts say of themselves: a state when it changes, the rest each time', async (t) => {
  let asked = 0
  const parts = [
    await partSaying(t, 'router', () => router(++asked < 3 ? 'up' : 'down')),
    await partSaying(t, 'cache', () => cache),
  ]
  const { lines, observer } = await watched(parts, (lines) =>
    lines.some((line) => line.type === 'state' && line.state === 'down'),
  )
  const told = lines.flatMap((line) => (line.type === 'state' ? [`${line.subject} ${line.state}`] : []))
  t.strictSame(told.sort(), ['s3 breaker closed', 's3 down', 's3 up'])
  const loads = lines.filter((line) => line.type === 'load' && line.part === 'router')
  t.ok(loads.length >= 3)
  t.match(loads[0], { subject: 's3', inFlight: 2, waiting: 1 })
  t.match(
    lines.find((line) => line.type === 'store'),
    { part: 'cache', usedBytes: 9, entries: 1, evictions: 3 },
  )
  t.same(await observer.downtimes(), [{ part: 'router', backend: 's3', measuredMs: 70 }])
})

t.test('a part that hangs says nothing, and delays nobody', async (t) => {
  let asked = 0
  let hung = 0
  const parts = [
    await partSaying(t, 'cache', () => {
      hung++
      return null
    }),
    await partSaying(t, 'router', () => router(++asked % 2 === 0 ? 'up' : 'down')),
  ]
  const { lines } = await watched(parts, () => asked >= 6)
  t.ok(hung < asked, `while the router was asked ${asked} times, who hangs was asked ${hung} times`)
  t.equal(lines.filter((line) => line.type === 'state' && line.part === 'router').length >= 6, true)
  t.notOk(lines.some((line) => line.type === 'doubt' || line.type === 'store'))
})
