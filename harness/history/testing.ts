// Makes histories for tests: a sound run of three phases with one fault, to be broken line by line.
import type { Measure, Threshold } from '../checkers/threshold.ts'
import {
  type GeneratorLine,
  type HistoryLine,
  type HoldingLine,
  type Outcome,
  okOutcomes,
  type Population,
  type RunLine,
  type WindowLine,
} from './events.ts'
import { encodeHistogram, newHistogram, recordMs } from './histogram.ts'

export function runOf(...thresholds: Threshold[]): RunLine {
  return {
    type: 'run',
    scenario: 'a-test',
    system: 'reference',
    origin: 's3rver',
    toxiproxy: { kind: 'embedded', version: '1' },
    seed: 1,
    speed: 1,
    startedAt: '2026-01-01T00:00:00.000Z',
    versions: { node: '24', commit: 'abc' },
    machine: '2 × test',
    configuration: {},
    thresholds,
  }
}

export const demand = (measure: Measure, must: Threshold['must'], name = 'the demand'): Threshold => ({
  name,
  phase: 'outage',
  measure,
  must,
})

function times(count: number, ms: number): string | undefined {
  const histogram = newHistogram()
  for (let i = 0; i < count; i++) recordMs(histogram, ms)
  return encodeHistogram(histogram)
}

/** A second of arrivals; every ok one took `okMs`, every failed one `failedMs`. */
export function windowOf(
  phase: string,
  population: Population,
  atMs: number,
  byOutcome: Partial<Record<Outcome, number>>,
  { okMs = 2, failedMs = 5, bytesEach = 1000 } = {},
): WindowLine {
  const ends = Object.entries(byOutcome) as [Outcome, number][]
  const ok = ends.filter(([outcome]) => okOutcomes.has(outcome)).reduce((sum, [, n]) => sum + n, 0)
  const failed = ends.reduce((sum, [, n]) => sum + n, 0) - ok
  const okUs = times(ok, okMs)
  const failedUs = times(failed, failedMs)
  return {
    type: 'window',
    phase,
    population,
    atMs,
    widthMs: 1000,
    scheduled: ok + failed,
    byOutcome,
    servedBytes: ok * bytesEach,
    ...(okUs && { responseUs: okUs, serviceUs: okUs, ttfbUs: okUs }),
    ...(failedUs && { failedUs }),
  }
}

export function generatorOf(scheduled: number, overrides: Partial<GeneratorLine> = {}): GeneratorLine {
  const health = { slipP99Ms: 0.3, cpuSeconds: 1, eventLoopLagP99Ms: 11 }
  return { type: 'generator', ...health, scheduled, sent: scheduled, dropped: 0, ...overrides }
}

export const phaseOf = (name: string, edge: 'start' | 'end', atMs: number): HistoryLine => ({
  type: 'phase',
  name,
  story: `the story of ${name}`,
  edge,
  atMs,
})

export const holdingOf = (
  part: string,
  atMs: number,
  held: Omit<HoldingLine, 'type' | 'part' | 'atMs'>,
): HoldingLine => ({ type: 'holding', part, atMs, ...held })

/**
 * steady (0 to 2 s), outage (2 to 5 s, one fault that was noticed after 400 ms), recovery (5 to 7 s): 100 known reads
 * a second of 2 ms, all answered, and one upload a phase that can be.
 */
export function soundHistory(...thresholds: Threshold[]): HistoryLine[] {
  const reads = (phase: string, atMs: number, outcome: Outcome) =>
    windowOf(phase, 'known', atMs, { [outcome]: 100 })
  return [
    runOf(...thresholds),
    phaseOf('steady', 'start', 0),
    reads('steady', 0, 'hit'),
    reads('steady', 1000, 'hit'),
    windowOf('steady', 'upload', 1000, { direct: 1 }),
    phaseOf('steady', 'end', 2000),
    phaseOf('outage', 'start', 2000),
    { type: 'fault', name: 'refused', target: 'cache-s3', edge: 'applied', atMs: 2000 },
    { type: 'state', part: 'router', subject: 's3', state: 'down', because: 'connect-refused', atMs: 2400 },
    reads('outage', 2000, 'hit'),
    reads('outage', 3000, 'stale'),
    reads('outage', 4000, 'stale'),
    windowOf('outage', 'upload', 4000, { http5xx: 1 }, { failedMs: 20 }),
    {
      type: 'failure',
      phase: 'outage',
      population: 'upload',
      atMs: 4500,
      key: 'uploads/2',
      outcome: 'http5xx',
      responseMs: 20,
      detail: 'status 503',
      requestId: 'r2',
    },
    phaseOf('outage', 'end', 5000),
    {
      type: 'fault',
      name: 'refused',
      target: 'cache-s3',
      edge: 'healed',
      atMs: 5000,
      touched: { count: 3, evidence: 'connections refused' },
    },
    phaseOf('recovery', 'start', 5000),
    { type: 'state', part: 'router', subject: 's3', state: 'up', because: 'probe', atMs: 5900 },
    reads('recovery', 5000, 'revalidated'),
    reads('recovery', 6000, 'hit'),
    windowOf('recovery', 'upload', 6000, { direct: 1 }),
    phaseOf('recovery', 'end', 7000),
    { type: 'origin', atMs: 5100, method: 'GET', key: 'a', status: 200, bytes: 3000 },
    { type: 'origin', atMs: 5200, method: 'GET', key: 'b', status: 304, bytes: 0 },
    { type: 'origin', atMs: 5300, method: 'PUT', key: 'uploads/3', status: 200, bytes: 0 },
    { type: 'stranger', atMs: 3100, target: '/artifacts/a', isServed: false },
    { type: 'reread', atMs: 3200, key: 'rewritten/1', acknowledged: 2, read: 2 },
    { type: 'reread', atMs: 3300, key: 'rewritten/1', acknowledged: 2, read: 3 },
    { type: 'reread', atMs: 3400, key: 'rewritten/1', acknowledged: 3, read: null },
    holdingOf('cache', 1000, { rssBytes: 1e8, connections: 10, storeDiskBytes: 5e6, storeStatedBytes: 4e6 }),
    holdingOf('router', 1000, { rssBytes: 1e8, connections: 20 }),
    holdingOf('cache', 3000, {
      rssBytes: 1.2e8,
      connections: 30,
      storeDiskBytes: 7e6,
      storeStatedBytes: 6e6,
    }),
    holdingOf('router', 3000, { rssBytes: 0.9e8, connections: 40 }),
    holdingOf('cache', 4000, {
      rssBytes: 1.1e8,
      connections: 12,
      storeDiskBytes: 6e6,
      storeStatedBytes: 5e6,
    }),
    holdingOf('router', 4000, { rssBytes: 1e8, connections: 25 }),
    { type: 'upload', phase: 'steady', acknowledged: 1, heldByOrigin: 1, lost: [] },
    { type: 'upload', phase: 'recovery', acknowledged: 1, heldByOrigin: 1, lost: [] },
    { type: 'downtime', part: 'router', backend: 's3', measuredMs: 3010 },
    { type: 'cpu', part: 'router', seconds: 1.5, maxRssBytes: 1e8 },
    generatorOf(703),
    { type: 'end', atMs: 7100, interrupted: false },
  ]
}

/** The history with some lines changed: what `change` returns takes the line's place, null leaves it out. */
export function altered(
  lines: readonly HistoryLine[],
  change: (line: HistoryLine) => HistoryLine | null,
): HistoryLine[] {
  return lines.map(change).filter((line) => line !== null)
}

/** Replaces the window of one population that begins at `atMs`. */
export const withWindow = (lines: readonly HistoryLine[], window: WindowLine): HistoryLine[] =>
  altered(lines, (line) =>
    line.type === 'window' && line.atMs === window.atMs && line.population === window.population
      ? window
      : line,
  )
