// Runs a scenario on a test specimen, sound or broken in one way, and hands over what the run left.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import type { Results } from '../history/results-contract.ts'
import type { SystemDescription } from '../systems/system.ts'
import type { Defect } from './defects.ts'

export interface SpecimenRun {
  readonly exitCode: number | null
  readonly output: string
  /** null when the run left none. */
  readonly results: Results | null
  /** Names of the thresholds that failed. */
  readonly red: readonly string[]
}

export interface Specimen {
  /** `naive`: a cache alone · `naive-routed`: with a store on disk, behind a router. */
  readonly system: 'naive' | 'naive-routed'
  readonly defect: Defect
  /** How seldom it strikes; what that means is said with the defect. */
  readonly every: number
}

const command = fileURLToPath(new URL('../breakwater.mjs', import.meta.url))

/** Runs `scenario` with `flags` on a specimen; aborting `signal` ends the run, which undoes everything. */
export async function runOnSpecimen(
  scenario: string,
  { system, defect, every }: Specimen,
  flags: readonly string[],
  signal?: AbortSignal,
): Promise<SpecimenRun> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'breakwater-selftest-'))
  try {
    const file = path.join(dir, 'specimen.yaml')
    const sound = await readFile(new URL(`./${system}.yaml`, import.meta.url), 'utf8')
    await writeFile(file, broken(sound, defect, every))
    const out = path.join(dir, 'run')
    return await runCommand(
      ['run', scenario, '--system', file, '--out', out, '--compare-with', 'none', '--quiet', ...flags],
      out,
      signal,
    )
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** The description with other flags for the cache. Throws when it has no such flags, for then nothing would be broken. */
function broken(yaml: string, defect: Defect, every: number): string {
  const system = parse(yaml) as SystemDescription
  const { command } = system.parts[0]!
  for (const [flag, value] of Object.entries({ defect, every })) {
    const at = command.findIndex((word) => word.startsWith(`--${flag}=`))
    if (at === -1) throw new Error(`the specimen's command has no --${flag}`)
    command[at] = `--${flag}=${value}`
  }
  return stringify(system)
}

async function runCommand(
  args: readonly string[],
  out: string,
  signal: AbortSignal | undefined,
): Promise<SpecimenRun> {
  // The channel carries nothing: the run ends when it closes, and so with this process.
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  const end = () => child.kill('SIGTERM')
  signal?.addEventListener('abort', end, { once: true })
  const output: string[] = []
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text) => output.push(text))
  const [exitCode] = await once(child, 'close')
  signal?.removeEventListener('abort', end)
  const text = await readFile(path.join(out, 'results.json'), 'utf8').catch(() => null)
  const results = text === null ? null : (JSON.parse(text) as Results)
  const red = results?.thresholds.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name) ?? []
  return { exitCode, output: output.join(''), results, red }
}
