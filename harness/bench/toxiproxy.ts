// What a link without toxics costs: added round trip and throughput, the embedded Toxiproxy against a real one,
// interleaved in one run.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { median } from 'simple-statistics'
import type { Toxiproxy } from '../toxiproxy/control.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import type { BenchResult, BenchRow } from './result.ts'
import { type LoadServers, roundTrips, startLoadServers, throughput } from './toxiproxy-load.ts'

const rounds = 5
const secondsEach = 1
const tripsEach = 2000
const warmUpTrips = 500

/** Both servers, each with a link to the echo server and one to the flood. */
interface Contender {
  readonly toxiproxy: Toxiproxy
  readonly echo: string
  readonly flood: string
}

/**
 * Measures with `rounds` rounds each; about 30 seconds. The real server is `toxiproxy-server` in .tools/bin or on PATH,
 * or the one named by BREAKWATER_TOXIPROXY; rejects with UsageError when there is none.
 */
export async function run(): Promise<BenchResult> {
  const logDir = mkdtempSync(`${tmpdir()}/breakwater-bench-`)
  const servers = await startLoadServers()
  const contenders: Contender[] = []
  try {
    for (const choice of [process.env.BREAKWATER_TOXIPROXY || 'toxiproxy-server', 'embedded']) {
      contenders.push(await contender(choice, servers, logDir))
    }
    const [other, ours] = contenders as [Contender, Contender]
    const rows = [await latencyRow(ours, other, servers)]
    for (const connections of [1, 8]) rows.push(await throughputRow(ours, other, connections))
    return { bench: 'toxiproxy', machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`, rows }
  } finally {
    for (const { toxiproxy } of contenders) await toxiproxy.stop()
    servers.stop()
    rmSync(logDir, { recursive: true })
  }
}

async function contender(choice: string, servers: LoadServers, logDir: string): Promise<Contender> {
  const toxiproxy = await openToxiproxy(choice, { seed: 1, logDir })
  const echo = await toxiproxy.createLink('echo', servers.echo)
  const flood = await toxiproxy.createLink('flood', servers.flood)
  return { toxiproxy, echo, flood }
}

async function latencyRow(ours: Contender, other: Contender, servers: LoadServers): Promise<BenchRow> {
  const added = async ({ echo }: Contender) => {
    const through = await medianTrip(echo)
    return through - (await medianTrip(servers.echo))
  }
  const row = await interleave(
    () => added(ours),
    () => added(other),
  )
  const goal = 'ratio ≤ 1.5'
  return { case: 'added round trip of one byte, p50', unit: 'ms', ...row, goal, met: row.ratio <= 1.5 }
}

async function medianTrip(address: string): Promise<number> {
  const times = await roundTrips(address, warmUpTrips + tripsEach)
  return median(times.slice(warmUpTrips))
}

async function throughputRow(ours: Contender, other: Contender, connections: number): Promise<BenchRow> {
  const rate = async ({ flood }: Contender) => (await throughput(flood, connections, secondsEach)) / 1e9
  const row = await interleave(
    () => rate(ours),
    () => rate(other),
  )
  const name = `throughput, ${connections} connection${connections > 1 ? 's' : ''}`
  return { case: name, unit: 'GB/s', ...row, goal: 'ratio ≥ 0.5', met: row.ratio >= 0.5 }
}

/** Medians of both, measured in turns so that a busy machine slows both. */
async function interleave(ours: () => Promise<number>, other: () => Promise<number>) {
  const oursEach: number[] = []
  const otherEach: number[] = []
  for (let round = 0; round < rounds; round++) {
    oursEach.push(await ours())
    otherEach.push(await other())
  }
  const [a, b] = [median(oursEach), median(otherEach)]
  return { ours: a, other: b, ratio: a / b }
}
