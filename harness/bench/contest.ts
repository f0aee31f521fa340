// Loads two systems in turns, so that a busy machine slows both, and makes rows of the medians.
import { cpus } from 'node:os'
import { median, sum } from 'simple-statistics'
import { request } from 'undici'
import type { Part } from '../systems/part.ts'
import { pinning } from './pin.ts'
import { type BenchRow, noGoal } from './result.ts'
import { load, type Read, writeScript } from './wrk.ts'

const rounds = 5
const secondsEach = 2
/** Misses, then hits from disk, then hits from wherever they are served from now on. */
const warmUps = 3
/** A busy machine may need more: an answer that came late is none. */
const maxWarmUps = 10

/** A way to the objects: clients ask `address`, and `parts` spend CPU time on it. */
export interface Contender {
  readonly address: string
  readonly parts: readonly Part[]
  readonly reads: readonly Read[]
}

/** Medians over the rounds. */
export interface Standing {
  readonly perSecond: number
  readonly p99Ms: number
  /** Of all processes of all parts, user and system, microseconds. */
  readonly cpuUsPerRead: number
  /** Reads of all rounds that were not answered with the object. */
  readonly failed: number
}

export const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}; ${pinning}`

export async function contest(
  dir: string,
  ours: Contender,
  other: Contender,
): Promise<[ours: Standing, other: Standing]> {
  const contenders = [ours, other]
  const scripts: string[] = []
  for (const [i, { address, reads }] of contenders.entries()) {
    await warmUp(address, reads)
    scripts.push(await writeScript(`${dir}/reads-${i}.lua`, reads))
  }
  // A round that doesn't count: a process that has just begun still compiles what it runs most.
  for (const [i, contender] of contenders.entries()) await measure(contender, scripts[i]!)
  const rows: Standing[][] = contenders.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, contender] of contenders.entries()) rows[i]!.push(await measure(contender, scripts[i]!))
  }
  return [middle(rows[0]!), middle(rows[1]!)]
}

/** Rejects when in the end not every read is answered whole from a cache: then something else would be measured. */
async function warmUp(address: string, reads: readonly Read[]): Promise<void> {
  let wrong: string | null = null
  for (let time = 1; time <= maxWarmUps && (time <= warmUps || wrong !== null); time++) {
    wrong = null
    for (const read of reads) wrong = (await askOnce(address, read)) ?? wrong
  }
  if (wrong !== null) throw new Error(wrong)
}

/** What was wrong with the answer, or null. */
async function askOnce(address: string, { target, headers }: Read): Promise<string | null> {
  const answer = await request(`http://${address}${target}`, { headers: [...headers] })
  const { byteLength } = await answer.body.arrayBuffer()
  const cached = answer.headers['x-cache-status']
  const isRight = answer.statusCode === 200 && byteLength === Number(target.split('/')[2]) && cached === 'HIT'
  return isRight ? null : `${address}${target}: ${answer.statusCode}, ${byteLength} bytes, ${cached}`
}

async function measure({ address, parts }: Contender, script: string): Promise<Standing> {
  const before = await cpuSeconds(parts)
  const { requests, perSecond, p99Ms, failed } = await load(address, script, secondsEach)
  const cpuUsPerRead = (((await cpuSeconds(parts)) - before) * 1e6) / requests
  return { perSecond, p99Ms, cpuUsPerRead, failed }
}

async function cpuSeconds(parts: readonly Part[]): Promise<number> {
  let seconds = 0
  for (const part of parts) {
    await part.sampleUsage()
    seconds += part.usage().cpuSeconds
  }
  return seconds
}

function middle(standings: readonly Standing[]): Standing {
  const of = (field: keyof Standing) => median(standings.map((standing) => standing[field]))
  const failed = sum(standings.map((standing) => standing.failed))
  return { perSecond: of('perSecond'), p99Ms: of('p99Ms'), cpuUsPerRead: of('cpuUsPerRead'), failed }
}

/** What a row is called: with the reads that failed, when any did. */
export function titleOf(name: string, ours: Standing, other: Standing): string {
  if (ours.failed + other.failed === 0) return name
  return `${name} (failed reads: ${ours.failed} of ours, ${other.failed} of the other's)`
}

/** `minRatio`: how many times the other ours must be; null: no goal. */
export function row(
  name: string,
  unit: string,
  ours: number,
  other: number,
  minRatio: number | null,
): BenchRow {
  const ratio = ours / other
  const goal = minRatio === null ? noGoal : `ratio ≥ ${minRatio}`
  return { case: name, unit, ours, other, ratio, goal, met: minRatio === null || ratio >= minRatio }
}
