// How accurate the load generator is: whether it sends what it scheduled, how late, and whether it measures delays that
// are known, beside two closed-loop tools that can't.
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { median, sum } from 'simple-statistics'
import type { GeneratorLine, HistoryLine, WindowLine } from '../history/events.ts'
import { decodeHistogram, newHistogram, quantileMs } from '../history/histogram.ts'
import { startGenerator } from '../load/generator.ts'
import type { GeneratorConfig } from '../load/messages.ts'
import { type Delays, smallBody } from './delay-server.ts'
import { type BenchResult, type BenchRow, noGoal } from './result.ts'

const rounds = 5
const rates = [100, 500, 1000, 2000, 5000, 10_000]
const rateSeconds = 1.5
/** A third of a second in two without any answer: the truth follows from arithmetic. */
const stall: Delays = { delayMs: 0, stallAfterMs: 1000, stallMs: 500 }
const stallRate = 500
const stallSeconds = 3
const fixedDelayMs = 20
const connections = 10
const objects = 1000

/** A tool's view of a server, ms; null when the tool isn't there. */
type Times = { readonly p50: number; readonly p99: number } | null

/** About two minutes. Without wrk on PATH its columns are left out. */
export async function run(): Promise<BenchResult> {
  const dir = mkdtempSync(`${tmpdir()}/breakwater-bench-`)
  const server = await startServer()
  try {
    const rows: BenchRow[] = []
    for (const rate of rates) rows.push(...(await rateRows(server, dir, rate)))
    rows.push(...(await delayRows(server, dir)))
    rows.push(...(await stallRows(server, dir)))
    return { bench: 'generator', machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`, rows }
  } finally {
    server.stop()
    rmSync(dir, { recursive: true })
  }
}

interface DelayServer {
  readonly url: string
  become(delays: Delays): Promise<void>
  stop(): void
}

async function startServer(): Promise<DelayServer> {
  const child: ChildProcess = fork(new URL('./delay-server.ts', import.meta.url), [], { execArgv: [] })
  const [port] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}`,
    async become(delays) {
      const ready = once(child, 'message')
      child.send(delays)
      await ready
    },
    stop: () => child.disconnect(),
  }
}

interface Load {
  /** Sent of scheduled, 0 to 1. */
  readonly sentRatio: number
  readonly slipP99Ms: number
  /** Of the whole process: start and warm-up included. */
  readonly cpuSeconds: number
  readonly response: Times
  readonly service: Times
}

const warmUpMs = 500

/** Constant arrivals from a generator of its own, after a warm-up that counts for nothing but the CPU. */
async function load(url: string, dir: string, ratePerSecond: number, seconds: number): Promise<Load> {
  const lines: HistoryLine[] = []
  const generator = await startGenerator(configFor(url, dir, ratePerSecond), {
    onLine: (line) => lines.push(line),
    onDeath: (reason) => console.error(reason),
  })
  await generator.phase({ mode: 'open-loop', name: 'warm-up', durationMs: warmUpMs })
  const { slipP99Ms } = await generator.phase({
    mode: 'open-loop',
    name: 'bench',
    durationMs: seconds * 1000,
  })
  await generator.end()
  const windows = lines.filter((line): line is WindowLine => line.type === 'window' && line.phase === 'bench')
  const scheduled = sum(windows.map((window) => window.scheduled))
  const dropped = sum(windows.map(({ byOutcome }) => byOutcome.dropped ?? 0))
  const { cpuSeconds } = lines.find((line): line is GeneratorLine => line.type === 'generator')!
  return {
    sentRatio: (scheduled - dropped) / (ratePerSecond * seconds),
    slipP99Ms,
    cpuSeconds,
    response: timesOf(windows, 'responseUs'),
    service: timesOf(windows, 'serviceUs'),
  }
}

function configFor(url: string, dir: string, ratePerSecond: number): GeneratorConfig {
  const manifest = `${dir}/manifest.ndjson`
  const object = { bytes: smallBody.length, sha256: hash('sha256', smallBody), role: 'known' }
  const lines = Array.from({ length: objects }, (_, i) => JSON.stringify({ key: `small-${i}`, ...object }))
  writeFileSync(manifest, lines.join('\n'))
  return {
    target: { url },
    hostHeader: 'localhost',
    bucket: 'bench',
    manifest,
    credentials: { accessKey: 'bench', secretKey: 'bench-secret', region: 'us-east-1' },
    seed: 1,
    runStartNs: String(process.hrtime.bigint()),
    workload: {
      arrivals: 'constant',
      ratePerSecond,
      shares: { neverRead: 0, upload: 0 },
      popularity: { zipf: 1, bigObjectBytes: 1e9, bigObjectShare: 0 },
      rangeShare: 0,
    },
    uploadPrefix: 'uploads/',
    backups: [],
    maxInFlight: 10_000,
    timeoutMs: 5000,
  }
}

function timesOf(windows: readonly WindowLine[], field: 'responseUs' | 'serviceUs'): Times {
  const merged = newHistogram()
  for (const window of windows) {
    const encoded = window[field]
    if (encoded !== undefined) merged.add(decodeHistogram(encoded))
  }
  return { p50: quantileMs(merged, 0.5) ?? Number.NaN, p99: quantileMs(merged, 0.99) ?? Number.NaN }
}

/** Sent of scheduled, how late, and the floor below which nothing can be measured: a server that answers at once. */
async function rateRows(server: DelayServer, dir: string, rate: number): Promise<BenchRow[]> {
  const loads: Load[] = []
  for (let round = 0; round < rounds; round++) {
    await server.become({ delayMs: 0, stallAfterMs: 0, stallMs: 0 })
    loads.push(await load(server.url, dir, rate, rateSeconds))
  }
  const of = (pick: (load: Load) => number) => median(loads.map(pick))
  const sent = 100 * of(({ sentRatio }) => sentRatio)
  const slip = of(({ slipP99Ms }) => slipP99Ms)
  const cores = of(({ cpuSeconds }) => cpuSeconds / (rateSeconds + warmUpMs / 1000))
  const floor = of(({ service }) => service!.p50)
  const responseP99 = of(({ response }) => response!.p99)
  const name = `${rate.toLocaleString('en')} reads/s`
  return [
    alone(`${name}: sent of scheduled`, '%', sent, '= 100', sent === 100),
    alone(`${name}: slip p99`, 'ms', slip, '≤ 2', slip <= 2),
    alone(`${name}: CPU of the generator, its start included`, 'cores', cores, '≤ 1', cores <= 1),
    alone(`${name}: floor, service p50`, 'ms', floor, noGoal, true),
    alone(`${name}: floor, response p99`, 'ms', responseP99, noGoal, true),
  ]
}

function alone(name: string, unit: string, ours: number, goal: string, met: boolean): BenchRow {
  return { case: name, unit, ours, other: null, ratio: null, goal, met }
}

async function delayRows(server: DelayServer, dir: string): Promise<BenchRow[]> {
  const delays: Delays = { delayMs: fixedDelayMs, stallAfterMs: 0, stallMs: 0 }
  const seen = await compare(server, dir, delays, 1.5)
  return rowsOf(`every answer takes ${fixedDelayMs} ms`, seen, { p50: fixedDelayMs, p99: fixedDelayMs }, 3)
}

/**
 * Arrivals in the stall wait uniformly from 0 to its length, so the share that waits longer than w is
 * stall / duration × (1 − w / stall); solved for 1 %.
 */
async function stallRows(server: DelayServer, dir: string): Promise<BenchRow[]> {
  const seen = await compare(server, dir, stall, stallSeconds)
  const p99 = stall.stallMs * (1 - (0.01 * stallSeconds * 1000) / stall.stallMs)
  return rowsOf(
    `no answer for ${stall.stallMs} ms in ${stallSeconds} s`,
    seen,
    { p50: null, p99 },
    0.05 * p99,
  )
}

interface Seen {
  readonly ours: Times[]
  readonly autocannon: Times[]
  readonly wrk: Times[]
}

async function compare(server: DelayServer, dir: string, delays: Delays, seconds: number): Promise<Seen> {
  const seen: Seen = { ours: [], autocannon: [], wrk: [] }
  for (let round = 0; round < rounds; round++) {
    await server.become(delays)
    seen.ours.push((await load(server.url, dir, stallRate, seconds)).response)
    await server.become(delays)
    seen.autocannon.push(await byAutocannon(server.url, seconds))
    await server.become(delays)
    seen.wrk.push(await byWrk(server.url, seconds))
  }
  return seen
}

function rowsOf(
  name: string,
  seen: Seen,
  truth: { readonly p50: number | null; readonly p99: number },
  toleranceMs: number,
): BenchRow[] {
  const quantiles = (['p50', 'p99'] as const).filter((at) => truth[at] !== null)
  return quantiles.flatMap((at) => {
    const ours = median(seen.ours.map((times) => times![at]))
    const goal = `${truth[at]} ± ${toleranceMs.toFixed(0)}`
    const met = Math.abs(ours - truth[at]!) <= toleranceMs
    return (['autocannon', 'wrk'] as const)
      .filter((tool) => seen[tool].every((times) => times !== null))
      .map((tool) => {
        const other = median(seen[tool].map((times) => times![at]))
        return {
          case: `${name}: ${at}, beside ${tool}`,
          unit: 'ms',
          ours,
          other,
          ratio: ours / other,
          goal,
          met,
        }
      })
  })
}

async function byAutocannon(url: string, seconds: number): Promise<Times> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    overallRate: stallRate,
    ignoreCoordinatedOmission: true,
  })
  return { p50: result.latency.p50, p99: result.latency.p99 }
}

const unitsMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

/** wrk has no rate: it asks as fast as it is answered. */
async function byWrk(url: string, seconds: number): Promise<Times> {
  const flags = ['-t1', `-c${connections}`, `-d${Math.ceil(seconds)}s`, '--latency', url]
  const ran = await promisify(execFile)('wrk', flags).catch((error) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (ran === null) return null
  const at = (percent: number) => {
    const found = new RegExp(`^\\s*${percent}%\\s+([\\d.]+)(us|ms|s)\\b`, 'm').exec(ran.stdout)
    if (found === null) throw new Error(`wrk said nothing of its ${percent} % quantile: ${ran.stdout}`)
    return Number(found[1]) * unitsMs[found[2]!]!
  }
  return { p50: at(50), p99: at(99) }
}
