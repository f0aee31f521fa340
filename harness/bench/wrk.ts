// Load by wrk: as many reads as a system answers, over a set of objects in turns, and how many of them failed.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { onLoadCpus } from './pin.ts'

/** A read as wrk sends it. */
export interface Read {
  readonly target: string
  /** Name and value by turns. */
  readonly headers: readonly string[]
}

export interface Load {
  /** Answered with the object. */
  readonly requests: number
  readonly perSecond: number
  readonly p99Ms: number
  /** Reads that were refused, cut, or took over two seconds. */
  readonly failed: number
}

export const connections = 32

/** Writes the script that makes wrk ask for `reads` in turns; connections and timing are `load`'s. */
export async function writeScript(file: string, reads: readonly Read[]): Promise<string> {
  const calls = reads.map(
    ({ target, headers }) => `  reads[#reads + 1] = wrk.format('GET', '${target}', ${luaTable(headers)})`,
  )
  await writeFile(file, `local reads, at = {}, 0\nfunction init()\n${calls.join('\n')}\nend\n${ending}`)
  return file
}

const ending = `
function request()
  at = at % #reads + 1
  return reads[at]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"p99Us":%d,"broken":%d,"refused":%d}\\n',
    summary.requests, summary.duration, latency:percentile(99), e.connect + e.read + e.write + e.timeout, e.status))
end
`

function luaTable(headers: readonly string[]): string {
  let table = ''
  for (let i = 0; i < headers.length; i += 2) table += `['${headers[i]}'] = '${headers[i + 1]}', `
  return `{ ${table}}`
}

/** Loads `address` for so many seconds. What failed counts as failed and as nothing else: a fast refusal is no throughput. */
export async function load(address: string, script: string, seconds: number): Promise<Load> {
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, `http://${address}`]
  const [program, ...flags] = onLoadCpus(wrk)
  const { stdout } = await promisify(execFile)(program!, flags)
  const line = stdout.split('\n').find((text) => text.startsWith('{"requests"'))
  if (line === undefined) throw new Error(`wrk did not say what it saw: ${stdout}`)
  const { requests: answers, us, p99Us, broken, refused } = JSON.parse(line)
  const requests = answers - refused
  return { requests, perSecond: requests / (us / 1e6), p99Ms: p99Us / 1000, failed: broken + refused }
}
