// The command line of the benchmarks: npm run bench -- NAME [--json FILE]. Runs one, prints its rows as a Markdown
// table, and writes them as JSON.
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { which } from '../../proxy/testing/which.ts'
import { exitCodes, messageOf, UsageError } from '../errors.ts'
import { type BenchResult, type BenchRow, noGoal } from './result.ts'

interface Bench {
  /** Programs that must be on PATH. */
  readonly needs: readonly string[]
  readonly load: () => Promise<{ run(): Promise<BenchResult> }>
}

const benches: Readonly<Record<string, Bench>> = {
  cache: { needs: ['nginx', 'wrk'], load: () => import('./cache.ts') },
  chain: { needs: ['nginx', 'haproxy', 'wrk'], load: () => import('./chain.ts') },
  generator: { needs: [], load: () => import('./generator.ts') },
  'store-restart': { needs: [], load: () => import('./store-restart.ts') },
  toxiproxy: { needs: [], load: () => import('./toxiproxy.ts') },
  'toxiproxy-accuracy': { needs: [], load: () => import('./toxiproxy-accuracy.ts') },
}

const usage = `usage: npm run bench -- NAME [--json FILE]; the benches are ${Object.keys(benches).join(', ')}`

/** The exit code: 0 every goal met, 1 one was missed, 2 not measured. */
async function main(argv: readonly string[]): Promise<number> {
  const { name, jsonFile } = argumentsOf(argv)
  const { needs, load } = benches[name]!
  const missing = needs.filter((program) => which(program) === null)
  if (missing.length > 0) {
    console.log(`skipped: bench ${name} needs ${missing.join(' and ')} on PATH`)
    return exitCodes.unknown
  }
  const result = await (await load()).run()
  console.log(markdown(result))
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(result, null, 2)}\n`)
  return result.rows.every(({ met }) => met) ? exitCodes.pass : exitCodes.fail
}

function argumentsOf(argv: readonly string[]): { name: string; jsonFile: string | undefined } {
  try {
    const options = { json: { type: 'string' } } as const
    const { positionals, values } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0) throw new UsageError(usage)
    if (!Object.hasOwn(benches, name)) throw new UsageError(`there is no bench "${name}"; ${usage}`)
    return { name, jsonFile: values.json }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${messageOf(error).split('\n')[0]}; ${usage}`)
  }
}

function markdown({ bench, machine, rows }: BenchResult): string {
  const lines = [['case', 'unit', 'ours', 'other', 'ratio', 'goal', 'met'], alignment, ...rows.map(cells)]
  return `${bench} on ${machine}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}`
}

const alignment = ['---', '---', '--:', '--:', '--:', '---', '---']

function cells({ case: name, unit, ours, other, ratio, goal, met }: BenchRow): string[] {
  const verdict = goal === noGoal ? '' : met ? 'yes' : '**no**'
  return [name, unit, number(ours), number(other), number(ratio), goal, verdict]
}

/** Three significant digits, and all digits of a large number's integer part. */
function number(value: number | null): string {
  if (value === null) return ''
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return String(Number(value.toPrecision(3)))
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const isMendable = error instanceof UsageError
  console.error(isMendable ? error.message : error)
  process.exitCode = isMendable ? exitCodes.usage : exitCodes.crash
}
