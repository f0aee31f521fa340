// How close toxics come to what was asked of them, the embedded Toxiproxy and a real one side by side.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { median, quantile } from 'simple-statistics'
import type { ToxicRequest, Toxiproxy } from '../toxiproxy/control.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import type { BenchResult, BenchRow } from './result.ts'
import { download, type LoadServers, reader, roundTrips, startLoadServers } from './toxiproxy-load.ts'

const rounds = 5
/** ms */
const latencies = [1, 10, 32, 100]
/** KB/s, from 10 KB/s to 50 MB/s */
const rates = [10, 100, 1_000, 10_000, 50_000]
const bandwidthSeconds = 1.5
const slicer = { average_size: 1000, size_variation: 200, delay: 4000 }
const resets = 50
const connections = 10_000
const atOnce = 50
const toxicity = 0.2
/** Four standard deviations of the share of `connections` draws. */
const shareTolerance = 4 * Math.sqrt((toxicity * (1 - toxicity)) / connections)

interface Check {
  readonly case: string
  readonly unit: string
  readonly goal: string
  readonly met: (measured: number) => boolean
  readonly measure: (toxiproxy: Toxiproxy, servers: LoadServers) => Promise<number>
  /** 1 for what counts many things already. */
  readonly rounds: number
}

/** About two minutes. Without a real server (BREAKWATER_TOXIPROXY, .tools/bin or PATH) only ours is measured. */
export async function run(): Promise<BenchResult> {
  const logDir = mkdtempSync(`${tmpdir()}/breakwater-bench-`)
  const servers = await startLoadServers()
  const opened: Toxiproxy[] = []
  try {
    for (const choice of ['embedded', process.env.BREAKWATER_TOXIPROXY || 'toxiproxy-server']) {
      const toxiproxy = await openToxiproxy(choice, { seed: 1, logDir }).catch((error) => {
        if (choice === 'embedded') throw error
      })
      if (toxiproxy !== undefined) opened.push(toxiproxy)
    }
    const rows: BenchRow[] = []
    for (const check of checks) rows.push(await rowOf(check, opened[0]!, opened[1], servers))
    return {
      bench: 'toxiproxy-accuracy',
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      rows,
    }
  } finally {
    for (const toxiproxy of opened) await toxiproxy.stop()
    servers.stop()
    rmSync(logDir, { recursive: true })
  }
}

async function rowOf(
  { case: name, unit, goal, met, measure, rounds }: Check,
  embedded: Toxiproxy,
  real: Toxiproxy | undefined,
  servers: LoadServers,
): Promise<BenchRow> {
  const oursEach: number[] = []
  const otherEach: number[] = []
  for (let round = 0; round < rounds; round++) {
    oursEach.push(await measure(embedded, servers))
    if (real !== undefined) otherEach.push(await measure(real, servers))
  }
  const ours = median(oursEach)
  const other = real === undefined ? null : median(otherEach)
  return { case: name, unit, ours, other, ratio: other === null ? null : ours / other, goal, met: met(ours) }
}

const checks: readonly Check[] = [
  ...latencies.map(
    (asked): Check => ({
      case: `latency of ${asked} ms, p50`,
      unit: 'ms added',
      goal: `${asked} ± 2`,
      met: (measured) => Math.abs(measured - asked) <= 2,
      measure: (toxiproxy, { echo }) => addedLatency(toxiproxy, echo, asked),
      rounds,
    }),
  ),
  ...rates.map(
    (asked): Check => ({
      case: `bandwidth of ${asked} KB/s`,
      unit: 'of what was asked',
      goal: '1 ± 0.02',
      met: (measured) => Math.abs(measured - 1) <= 0.02,
      measure: (toxiproxy, { sized }) => bandwidthShare(toxiproxy, sized, asked),
      rounds,
    }),
  ),
  {
    case: `slicer ${slicer.average_size} ± ${slicer.size_variation}, 95 % of slices are at most`,
    unit: 'bytes',
    goal: `≤ ${slicer.average_size + slicer.size_variation}`,
    met: (measured) => measured <= slicer.average_size + slicer.size_variation,
    measure: (toxiproxy, { sized }) => largeSlice(toxiproxy, sized),
    rounds,
  },
  {
    case: `reset_peer, clients of ${resets} that see ECONNRESET`,
    unit: 'clients',
    goal: `${resets}`,
    met: (measured) => measured === resets,
    measure: (toxiproxy, { echo }) => clientsReset(toxiproxy, echo),
    rounds: 1,
  },
  {
    case: `toxicity ${toxicity}, share of ${connections} connections`,
    unit: 'share',
    goal: `${toxicity} ± ${shareTolerance.toFixed(3)}`,
    met: (measured) => Math.abs(measured - toxicity) <= shareTolerance,
    measure: (toxiproxy, { echo }) => shareTouched(toxiproxy, echo),
    rounds: 1,
  },
]

/** Measures on a link of its own with one toxic on it. */
async function withToxic<T>(
  toxiproxy: Toxiproxy,
  upstream: string,
  toxic: Pick<ToxicRequest, 'type' | 'attributes' | 'toxicity'>,
  measure: (address: string) => Promise<T>,
): Promise<T> {
  const address = await toxiproxy.createLink('accuracy', upstream)
  try {
    await toxiproxy.addToxic('accuracy', { name: 'toxic', stream: 'downstream', ...toxic })
    return await measure(address)
  } finally {
    await toxiproxy.removeLink('accuracy')
  }
}

async function addedLatency(toxiproxy: Toxiproxy, echo: string, latency: number): Promise<number> {
  const trips = async (address: string) => median((await roundTrips(address, 25)).slice(5))
  const toxic = (ms: number) => ({ type: 'latency', attributes: { latency: ms, jitter: 0 } })
  const delayed = await withToxic(toxiproxy, echo, toxic(latency), trips)
  return delayed - (await withToxic(toxiproxy, echo, { type: 'noop', attributes: {} }, trips))
}

async function bandwidthShare(toxiproxy: Toxiproxy, sized: string, rate: number): Promise<number> {
  const bytes = rate * 1000 * bandwidthSeconds
  const toxic = { type: 'bandwidth', attributes: { rate } }
  const tookMs = await withToxic(toxiproxy, sized, toxic, (address) => download(address, bytes))
  return bytes / tookMs / rate
}

async function largeSlice(toxiproxy: Toxiproxy, sized: string): Promise<number> {
  const sizes: number[] = []
  let left = 150_000
  await withToxic(toxiproxy, sized, { type: 'slicer', attributes: slicer }, async (address) => {
    let done = () => {}
    const finished = new Promise<void>((resolve) => {
      done = resolve
    })
    const socket = await reader(address, (bytes) => {
      sizes.push(bytes)
      left -= bytes
      if (left <= 0) done()
    })
    socket.write(String(left))
    await finished
    socket.destroy()
  })
  return quantile(sizes, 0.95)
}

async function clientsReset(toxiproxy: Toxiproxy, echo: string): Promise<number> {
  const toxic = { type: 'reset_peer', attributes: { timeout: 10 } }
  return await withToxic(toxiproxy, echo, toxic, async (address) => {
    const ends = await Promise.all(Array.from({ length: resets }, () => fate(address)))
    return ends.filter((end) => end === 'ECONNRESET').length
  })
}

async function shareTouched(toxiproxy: Toxiproxy, echo: string): Promise<number> {
  const toxic = { type: 'limit_data', attributes: { bytes: 0 }, toxicity }
  return await withToxic(toxiproxy, echo, toxic, async (address) => {
    let touched = 0
    for (let done = 0; done < connections; done += atOnce) {
      const fates = await Promise.all(Array.from({ length: atOnce }, () => fate(address)))
      touched += fates.filter((end) => end !== 'answered').length
    }
    return touched / connections
  })
}

/** What becomes of a client that sends one byte to an echo: 'answered', 'closed' or the code of its error. */
async function fate(address: string): Promise<string> {
  let decide = (_end: string) => {}
  const end = new Promise<string>((resolve) => {
    decide = resolve
  })
  const socket = await reader(address, () => decide('answered'))
  socket.on('error', (error: NodeJS.ErrnoException) => decide(error.code ?? error.message))
  socket.on('close', () => decide('closed'))
  socket.write('x')
  const outcome = await end
  // A reset leaves no port behind in TIME_WAIT, of which ten thousand would use up the machine's.
  socket.resetAndDestroy()
  return outcome
}
