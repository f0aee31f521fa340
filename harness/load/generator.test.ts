import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t from 'tap'
import { spawnTiedAloud } from '../../proxy/testing/tied-process.ts'
import type { GeneratorLine, HistoryLine, Outcome, Population, WindowLine } from '../history/events.ts'
import { decodeHistogram, newHistogram, quantileMs } from '../history/histogram.ts'
import { SummaryBuilder } from '../history/summary.ts'
import { type Generator, startGenerator } from './generator.ts'
import type { GeneratorConfig } from './messages.ts'
import { answer, byteServer, configFor, objectOf } from './testing.ts'

const bodies = new Map(
  Array.from({ length: 40 }, (_, i) => [`key-${i}`, `body of ${i} ${'x'.repeat(i * 10)}`]),
)
const objects = [...bodies].map(([key, body], i) => objectOf(key, body, i < 30 ? 'known' : 'never-read'))

const keyOf = (request: string) => /^(?:GET|PUT) \/bucket\/(\S+)/.exec(request)![1]!

interface Load {
  readonly generator: Generator
  readonly lines: HistoryLine[]
  readonly deaths: string[]
  /** Arrivals of a phase by population and outcome. */
  ends(phase: string, population: Population): Partial<Record<Outcome, number>>
  scheduled(phase: string, population?: Population): number
}

async function load(config: GeneratorConfig): Promise<Load> {
  const lines: HistoryLine[] = []
  const deaths: string[] = []
  const hooks = {
    onLine: (line: HistoryLine) => lines.push(line),
    onDeath: (why: string) => deaths.push(why),
  }
  const generator = await startGenerator(config, hooks)
  const windows = (phase: string) =>
    lines.filter((line): line is WindowLine => line.type === 'window' && line.phase === phase)
  return {
    generator,
    lines,
    deaths,
    ends(phase, population) {
      const sums: Partial<Record<Outcome, number>> = {}
      for (const window of windows(phase).filter((line) => line.population === population))
        for (const [outcome, n] of Object.entries(window.byOutcome) as [Outcome, number][])
          sums[outcome] = (sums[outcome] ?? 0) + n
      return sums
    },
    scheduled: (phase, population) =>
      windows(phase)
        .filter((line) => population === undefined || line.population === population)
        .reduce((sum, line) => sum + line.scheduled, 0),
  }
}

const healthy = () =>
  byteServer((socket, request) => {
    const body = bodies.get(keyOf(request))
    socket.write(body === undefined ? answer('') : answer(body))
  })

t.test(
  'warm reads every known object once, cold a sample, and every arrival is in the windows',
  async (t) => {
    const asked: string[] = []
    await using server = await byteServer((socket, request) => {
      asked.push(keyOf(request))
      socket.write(answer(bodies.get(keyOf(request))!))
    })
    const { generator, lines, ends } = await load(configFor(server.url, t.testdir(), objects))
    t.equal(generator.knownObjects, 30)
    t.equal(generator.neverReadObjects, 10)
    const warm = await generator.phase({ mode: 'warm', name: 'warm', concurrency: 4 })
    t.equal(warm.scheduled, 30)
    t.same(new Set(asked), new Set(objects.slice(0, 30).map(({ key }) => key)))
    t.equal(asked.length, 30)
    const cold = await generator.phase({ mode: 'cold', name: 'cold', reads: 7, handshake: 'full' })
    t.equal(cold.scheduled, 7)
    await generator.end()
    t.same(ends('warm', 'known'), { direct: 30 })
    t.same(ends('cold', 'known'), { direct: 7 })
    const last = lines.at(-1) as GeneratorLine
    t.match(last, { type: 'generator', scheduled: 37, sent: 37, dropped: 0 })
  },
)

t.test(
  'an open loop keeps its schedule while nothing answers; each arrival ends once, by its own time',
  async (t) => {
    await using server = await byteServer(() => {})
    const config = configFor(server.url, t.testdir(), objects, { timeoutMs: 400 })
    const { generator, ends, scheduled, lines } = await load(config)
    const done = await generator.phase({ mode: 'open-loop', name: 'silent', durationMs: 1000 })
    t.ok(done.scheduled > 100, `${done.scheduled} arrivals at 200 a second`)
    await generator.end()
    t.equal(scheduled('silent'), done.scheduled)
    t.same(ends('silent', 'known'), { timeout: done.scheduled })
    const told = lines.filter((line) => line.type === 'failure')
    const suppressed = told.reduce((sum, line) => sum + (line.suppressed ?? 0), 0)
    t.equal(told.length + suppressed, done.scheduled, 'failures told and suppressed add up')
  },
)

t.test('the schedule follows from the seed alone', async (t) => {
  await using server = await healthy()
  const counts = []
  for (const seed of [7, 7, 8]) {
    const config = configFor(server.url, t.testdir(), objects, { seed })
    const { generator } = await load(config)
    counts.push((await generator.phase({ mode: 'open-loop', name: 'p', durationMs: 500 })).scheduled)
    await generator.end()
  }
  t.equal(counts[0], counts[1])
  t.not(counts[0], counts[2])
})

t.test('above the cap arrivals are dropped, and counted', async (t) => {
  await using server = await byteServer(() => {})
  const config = configFor(server.url, t.testdir(), objects, { maxInFlight: 10, timeoutMs: 5000 })
  const { generator, ends, lines } = await load(config)
  const { scheduled } = await generator.phase({ mode: 'open-loop', name: 'p', durationMs: 500 })
  await generator.end(0)
  t.same(ends('p', 'known'), { cancelled: 10, dropped: scheduled - 10 })
  t.match(lines.at(-1), { type: 'generator', scheduled, sent: 10, dropped: scheduled - 10 })
})

/** Keeps what is PUT, except every second upload, which it acknowledges and loses. */
async function forgetfulOrigin() {
  const asked = new Map<string, number>()
  const held = new Map<string, Buffer>()
  const puts: string[] = []
  const server = createServer(async (request, response) => {
    const key = keyOf(`${request.method} ${request.url} `)
    if (request.method === 'PUT') {
      const body = await buffer(request)
      if (puts.push(key) % 2 === 1) held.set(key, body)
      response.end()
      return
    }
    asked.set(key, (asked.get(key) ?? 0) + 1)
    const body = bodies.get(key) ?? held.get(key)
    if (body === undefined) response.writeHead(404)
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, asked, puts, close: () => server.close() }
}

t.test('never-read objects are asked for once, uploads are new keys, lost ones are found', async (t) => {
  const origin = await forgetfulOrigin()
  t.teardown(origin.close)
  const { generator, scheduled, lines } = await load(configFor(origin.url, t.testdir(), objects))
  const workload = { shares: { neverRead: 0.5, upload: 0.1 } }
  const done = await generator.phase({ mode: 'open-loop', name: 'p', durationMs: 500, workload })
  t.equal(done.neverReadLeft, 0)
  // A window is told when everything in it has ended.
  while (scheduled('p') < done.scheduled) await new Promise((resolve) => setTimeout(resolve, 20))
  const neverRead = objects.slice(30).map(({ key }) => origin.asked.get(key))
  t.same(neverRead, Array(10).fill(1))
  t.ok(origin.puts.length > 2, `${origin.puts.length} uploads`)
  t.equal(new Set(origin.puts).size, origin.puts.length)
  const { acknowledged, lost } = await generator.verifyUploads({ url: origin.url })
  t.equal(acknowledged, origin.puts.length)
  t.equal(lost, Math.floor(origin.puts.length / 2))
  await generator.end()
  t.equal(scheduled('p', 'never-read'), 10)
  t.equal(scheduled('p', 'upload'), origin.puts.length)
  const told = lines.find((line) => line.type === 'upload')
  t.match(told, { phase: 'p', acknowledged, heldByOrigin: acknowledged - lost })
})

t.test('the lines make a summary without a doubt about the counts', async (t) => {
  await using server = await healthy()
  const { generator, lines } = await load(configFor(server.url, t.testdir(), objects))
  const builder = new SummaryBuilder()
  builder.add({ type: 'phase', name: 'p', story: '', edge: 'start', atMs: 0 })
  await generator.phase({
    mode: 'open-loop',
    name: 'p',
    durationMs: 700,
    workload: { shares: { neverRead: 0.1, upload: 0 } },
  })
  await generator.end()
  for (const line of lines) builder.add(line)
  builder.add({ type: 'phase', name: 'p', story: '', edge: 'end', atMs: 1e6 })
  builder.add({ type: 'end', atMs: 1e6, interrupted: false })
  t.same(builder.finish().doubts, ['the history does not say what was run'])
})

t.test('a stall counts from the intended start: nobody who had to wait is left out', async (t) => {
  const stallMs = 600
  let firstMs: number | undefined
  await using server = await byteServer((socket, request) => {
    firstMs ??= performance.now()
    const waitMs = Math.max(0, firstMs + stallMs - performance.now())
    setTimeout(() => socket.write(answer(bodies.get(keyOf(request))!)), waitMs)
  })
  const config = configFor(server.url, t.testdir(), objects, { timeoutMs: 5000 })
  const { generator, lines } = await load(config)
  const constant = { arrivals: 'constant', ratePerSecond: 100 } as const
  await generator.phase({ mode: 'open-loop', name: 'p', durationMs: 600, workload: constant })
  await generator.end()
  const merged = newHistogram()
  for (const line of lines) {
    if (line.type === 'window' && line.responseUs) merged.add(decodeHistogram(line.responseUs))
  }
  t.equal(merged.totalCount, 60)
  // Sixty arrivals, 10 ms apart, all answered at 600 ms: half of them waited 300 ms or more, whatever the machine adds.
  t.ok(quantileMs(merged, 0.5)! >= 290, `p50 ${quantileMs(merged, 0.5)} ms`)
  t.ok(quantileMs(merged, 1)! >= 595, `max ${quantileMs(merged, 1)} ms`)
})

t.test('what the user got wrong is one sentence, and nothing is left running', async (t) => {
  const dir = t.testdir({ 'bad.ndjson': '{"key": "a"}', 'none.ndjson': '' })
  const config = configFor('http://127.0.0.1:1', dir, objects)
  const hooks = { onLine() {}, onDeath() {} }
  await t.rejects(
    startGenerator({ ...config, manifest: `${dir}/bad.ndjson` }, hooks),
    /Line 1 of the manifest/,
  )
  await t.rejects(
    startGenerator({ ...config, manifest: `${dir}/none.ndjson` }, hooks),
    /lists no object with the role "known"/,
  )
  await t.rejects(startGenerator({ ...config, manifest: `${dir}/absent` }, hooks), /ENOENT/)
})

t.test('a killed generator rejects what is pending and says so once', async (t) => {
  await using server = await healthy()
  const { generator, deaths } = await load(configFor(server.url, t.testdir(), objects))
  const pending = generator.phase({ mode: 'open-loop', name: 'p', durationMs: 60_000 })
  process.kill(generator.pid, 'SIGKILL')
  await t.rejects(pending, /the load generator was ended by SIGKILL/)
  t.same(deaths, ['the load generator was ended by SIGKILL'])
  await t.rejects(generator.phase({ mode: 'warm', name: 'w', concurrency: 1 }), /SIGKILL/)
  await generator.kill()
  t.equal(deaths.length, 1)
})

t.test('a wanted kill is no death', async (t) => {
  await using server = await healthy()
  const { generator, deaths } = await load(configFor(server.url, t.testdir(), objects))
  await generator.kill()
  await generator.kill()
  t.same(deaths, [])
})

t.test('a generator that hangs as it exits is ended', async (t) => {
  await using server = await healthy()
  const hang = 'process.on("exit", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))'
  const { NODE_OPTIONS } = process.env
  process.env.NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hang)}`
  t.teardown(() => {
    if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS
    else process.env.NODE_OPTIONS = NODE_OPTIONS
  })
  const { generator, lines, deaths } = await load(configFor(server.url, t.testdir(), objects))
  await generator.end()
  t.notOk(isRunning(generator.pid))
  t.match(lines.at(-1), { type: 'generator' }, 'it had said everything')
  t.same(deaths, [])
})

t.test('a second phase while one runs is refused', async (t) => {
  await using server = await healthy()
  const { generator } = await load(configFor(server.url, t.testdir(), objects))
  const first = generator.phase({ mode: 'open-loop', name: 'p', durationMs: 300 })
  await t.rejects(generator.phase({ mode: 'warm', name: 'w', concurrency: 1 }), /still busy/)
  await first
  await t.rejects(
    generator.phase({ mode: 'warm', name: 'w', concurrency: 1, only: { prefix: 'nothing' } }),
    /no known object/,
  )
  await generator.end()
})

t.test('a runner that is killed takes its generator with it', async (t) => {
  await using server = await healthy()
  const config = configFor(server.url, t.testdir(), objects)
  const script = `
    import { startGenerator } from ${JSON.stringify(new URL('./generator.ts', import.meta.url).href)}
    const generator = await startGenerator(${JSON.stringify(config)}, { onLine() {}, onDeath() {} })
    console.log(generator.pid)
    await generator.phase({ mode: 'open-loop', name: 'p', durationMs: 60_000 })`
  const runner = spawnTiedAloud(['--input-type=module', '-e', script])
  const pid = Number(await once(runner.stdout, 'data'))
  t.ok(isRunning(pid))
  runner.kill('SIGKILL')
  await once(runner, 'exit')
  for (let i = 0; i < 200 && isRunning(pid); i++) await new Promise((resolve) => setTimeout(resolve, 20))
  t.notOk(isRunning(pid))
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
