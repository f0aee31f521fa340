// A made-up history for tests of the reports: an S3 outage in three stretches, made from a seed, as a real run would tell it.
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Threshold } from '../checkers/threshold.ts'
import type { HistoryLine, Outcome, StateLine } from '../history/events.ts'
import { resultsOf } from '../history/results.ts'
import { summarise } from '../history/summary.ts'
import { ModelBuilder, type ReportModel } from './model.ts'
import {
  failureLine,
  faultLine,
  sizesLine,
  stateLine,
  typicalMs,
  watchedLines,
  windowLine,
} from './testing-lines.ts'

export interface FakeRun {
  readonly seed?: number
  /** Makes every phase this many times longer; 1 gives a run of 100 s. */
  readonly stretch?: number
  readonly speed?: number
  /** In each window. */
  readonly reads?: number
  /** How much time each window line covers, ms. */
  readonly windowMs?: number
  /** Known reads that fail in each window of the outage. */
  readonly lost?: number
  /** Put wherever a name or a text comes from outside: keys, details, fault names, files. */
  readonly hostileText?: string
  readonly system?: string
  /** Every read takes this many times as long. */
  readonly slowness?: number
  /** Leaves the evidence of the faults at 0. */
  readonly untouched?: boolean
}

interface FakePhase {
  readonly name: string
  readonly story: string
  readonly startMs: number
  readonly endMs: number
  readonly fault?: string
}

const outagePhases = ['outage-503', 'outage-silent', 'outage-refused']

export function fakePhases(stretch: number): FakePhase[] {
  const plan: [string, string, number, string?][] = [
    ['cold', 'each object is read straight from S3 at 32 ms', 8],
    ['warm', 'each object is read once through the system', 8],
    ['steady', 'everything works', 12],
    ['outage-503', 'S3 answers every request with 503', 20, 'S3 answers 503'],
    ['outage-silent', 'packets to S3 vanish: nothing answers, nothing closes', 20, 'packets vanish'],
    ['outage-refused', 'S3 refuses connections', 20, 'connections refused'],
    ['recovery', 'S3 is back', 12],
  ]
  let atMs = 0
  return plan.map(([name, story, seconds, fault]) => {
    const startMs = atMs
    atMs += seconds * 1000 * stretch
    return { name, story, startMs, endMs: atMs, ...(fault ? { fault } : {}) }
  })
}

const thresholds: Threshold[] = [
  {
    name: 'every known read is answered in the outage',
    phase: 'outage',
    measure: { kind: 'ok-ratio', population: 'known', phases: outagePhases },
    must: { atLeast: 1 },
  },
  {
    name: 'known reads stay as fast as in steady state',
    phase: 'outage',
    measure: {
      kind: 'quantile',
      population: 'known',
      timing: 'responseMs',
      quantile: 0.99,
      phases: outagePhases,
    },
    must: {
      atMost: {
        times: 2,
        of: {
          kind: 'quantile',
          population: 'known',
          timing: 'responseMs',
          quantile: 0.99,
          phases: ['steady'],
        },
      },
    },
  },
  {
    name: 'what can’t be served is refused within a second',
    phase: 'outage',
    measure: { kind: 'slowest-failure', population: 'never-read', phases: outagePhases },
    must: { atMost: 1000 },
  },
  {
    name: 'one origin fetch per key after healing',
    phase: 'recovery',
    measure: { kind: 'origin-fetches-per-key', phases: ['recovery'] },
    must: { atMost: 1 },
  },
]

/** The lines of a run in order, one window after the other, so that a long one needs no memory. */
export function* fakeHistory(run: FakeRun = {}): Generator<HistoryLine> {
  const { seed = 1, stretch = 1, speed = 177, hostileText = '', windowMs = 1000 } = run
  const random = randomOf(seed)
  const phases = fakePhases(stretch)
  const endMs = phases.at(-1)!.endMs
  const counted = { scheduled: 0 }
  yield {
    type: 'run',
    scenario: `s3-outage${hostileText}`,
    system: run.system ?? 'reference',
    origin: 's3rver',
    toxiproxy: { kind: 'embedded', version: '2.12.0' },
    seed,
    speed,
    startedAt: '2026-11-24T09:00:00.000Z',
    versions: { node: 'v24.21.0', commit: '5b97bf9' },
    machine: '2 cores, 8 GB',
    configuration: {
      flags: { speed, seed, rate: run.reads ?? 200 },
      files: { 'cache.yaml': `listen: 127.0.0.1:0\nstore:\n  max_size: 750g${hostileText}\n` },
    },
    thresholds,
  }
  yield* upAtFirst()
  for (const phase of phases) {
    yield {
      type: 'phase',
      name: phase.name,
      story: phase.story,
      control: phase.name === 'cold',
      edge: 'start',
      atMs: phase.startMs,
    }
    if (phase.fault) yield faultLine(`${phase.fault}${hostileText}`, 'applied', phase.startMs)
    if (phase.name === 'outage-503')
      yield stateLine('router', 's3', 'down', `3 probes failed${hostileText}`, phase.startMs + 1500)
    for (let atMs = phase.startMs; atMs < phase.endMs; atMs += windowMs) {
      for (const line of windowLines(run, phase, atMs, random)) {
        if (line.type === 'window') counted.scheduled += line.scheduled
        yield line
      }
    }
    yield* sizesLines(phase.name)
    if (phase.fault)
      yield faultLine(`${phase.fault}${hostileText}`, 'healed', phase.endMs, run.untouched ? 0 : 240)
    if (phase.name === 'outage-refused')
      yield stateLine('router', 's3', 'up', '2 probes passed', phase.endMs + 900)
    yield { type: 'phase', name: phase.name, story: phase.story, edge: 'end', atMs: phase.endMs }
  }
  yield* closing(counted.scheduled, endMs, stretch)
}

function* sizesLines(phase: string): Generator<HistoryLine> {
  const outcomes = phase === 'cold' ? (['direct', 'direct'] as const) : (['hit', 'miss'] as const)
  const ms = (outcome: Outcome, reads: number) => (read: number) => typicalMs[outcome]! * (1 + read / reads)
  const [small, large] = outcomes
  yield sizesLine({ phase, outcome: small, upToBytes: 65_536, reads: 40, bytes: 2e6 }, ms(small, 40))
  yield sizesLine({ phase, outcome: large, upToBytes: null, reads: 2, bytes: 48e6 }, ms(large, 2))
}

function* closing(scheduled: number, endMs: number, stretch: number): Generator<HistoryLine> {
  const [directMs, throughLinkMs] = [
    { p50: 0.05, p99: 0.2 },
    { p50: 0.19, p99: 0.7 },
  ]
  yield { type: 'link-cost', atMs: 0, roundTrips: 200, directMs, throughLinkMs }
  yield { type: 'downtime', part: 'router', backend: 's3', measuredMs: 60_000 * stretch + 120 }
  yield { type: 'cpu', part: 'router', seconds: 4.2, maxRssBytes: 92e6 }
  yield { type: 'cpu', part: 'cache', seconds: 7.9, maxRssBytes: 148e6 }
  yield {
    type: 'generator',
    slipP99Ms: 1.2,
    cpuSeconds: 6.1,
    eventLoopLagP99Ms: 3.4,
    gc: { pauses: 41, totalMs: 62, longestMs: 4.8 },
    scheduled,
    sent: scheduled,
    dropped: 0,
  }
  yield { type: 'end', atMs: endMs, interrupted: false }
}

function* upAtFirst(): Generator<StateLine> {
  yield stateLine('router', 'cache1', 'up', 'first probe passed', 0)
  yield stateLine('router', 's3', 'up', 'first probe passed', 0)
  yield stateLine('cache', 'cache', 'running', 'started', 0)
}

/** What is told of one window. */
function* windowLines(
  run: FakeRun,
  phase: FakePhase,
  atMs: number,
  random: () => number,
): Generator<HistoryLine> {
  const { reads = 200, hostileText = '' } = run
  const lost = phase.fault ? (run.lost ?? 0) : 0
  const split = splitOf(phase, (atMs - phase.startMs) / (phase.endMs - phase.startMs), reads - lost)
  if (lost > 0) split.http5xx = lost
  const place = {
    phase: phase.name,
    atMs,
    widthMs: run.windowMs ?? 1000,
    slowness: run.slowness ?? 1,
  }
  yield* watchedLines(atMs, phase.fault !== undefined)
  yield windowLine(place, 'known', split, random)
  yield windowLine(place, 'never-read', phase.fault ? { http5xx: 3 } : { miss: 3 }, random)
  yield windowLine(place, 'upload', phase.fault ? { http5xx: 2 } : { miss: 2 }, random)
  if (phase.fault) yield failureLine(hostileText, phase.name, atMs, 'never-read', 2)
  if (lost > 0) yield failureLine(hostileText, phase.name, atMs, 'known', lost - 1)
  const fetches = phase.fault ? 0 : (split.miss ?? 0) + (split.revalidated ?? 0) + 5
  for (let i = 0; i < fetches; i += 1) {
    const key = `${phase.name}/${atMs}/${i}.map${hostileText}`
    yield { type: 'origin', atMs: atMs + i, method: 'GET', key, status: 200, bytes: 40_000 }
  }
}

/** How a second of known reads is answered; `progress` 0 to 1 through the phase. */
function splitOf(phase: FakePhase, progress: number, reads: number): Partial<Record<Outcome, number>> {
  if (phase.name === 'cold') return { direct: reads }
  if (phase.name === 'warm') return share(reads, 'miss', 0.8 - 0.6 * progress)
  if (phase.name === 'recovery') return share(reads, 'revalidated', progress < 0.3 ? 0.2 : 0.01)
  if (phase.fault) return share(reads, 'stale', phase.name === 'outage-503' ? 0.3 * progress : 0.35)
  return share(reads, 'miss', 0.02)
}

function share(reads: number, outcome: Outcome, ratio: number): Partial<Record<Outcome, number>> {
  const some = Math.round(reads * ratio)
  return { hit: reads - some, [outcome]: some }
}

function randomOf(seed: number): () => number {
  const generator = xoroshiro128plus(seed)
  return () => uniformFloat64(generator)
}

/** A report's model, judged like that of a real run. */
export async function fakeModel(run: FakeRun = {}): Promise<ReportModel> {
  const builder = new ModelBuilder()
  const lines = [...fakeHistory(run)]
  for (const line of lines) builder.add(line)
  const summary = await summarise(lines)
  return builder.snapshot(summary, resultsOf(summary))
}

/** Writes a run's folder as the runner leaves it: the history, and nothing yet made from it. */
export async function writeFakeRun(runDir: string, run: FakeRun = {}): Promise<void> {
  const pieces = Readable.from(fakeHistory(run)).map((line) => `${JSON.stringify(line)}\n`)
  await pipeline(pieces, createGzip(), createWriteStream(join(runDir, 'history.ndjson.gz')))
}
