// Says what is on this machine and what each thing makes possible. Looks only: it starts nothing that stays, and
// needs nothing that it looks for.
import { execFile } from 'node:child_process'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { bytes } from './report/format.ts'
import { toolsFolder } from './toxiproxy/find.ts'

const run = promisify(execFile)

export interface Finding {
  readonly name: string
  /** Its version, or what was found out; null when it is missing. */
  readonly found: string | null
  /** What it makes possible or, when missing, what falls away. */
  readonly enables: string
  /** Without it the main scenario can't run. */
  readonly isRequired: boolean
  readonly path: string | null
}

export interface Diagnosis {
  readonly findings: readonly Finding[]
  /** False when something required is missing. */
  readonly isReady: boolean
  readonly text: string
}

interface Tool {
  readonly name: string
  readonly commands: readonly string[]
  readonly versionArguments: readonly string[]
  readonly enables: string
}

const tools: readonly Tool[] = [
  {
    name: 'Toxiproxy',
    commands: ['toxiproxy-server'],
    versionArguments: ['--version'],
    enables: '--toxiproxy toxiproxy-server: the real one in place of the embedded',
  },
  {
    name: 'nginx',
    commands: ['nginx'],
    versionArguments: ['-v'],
    enables: '--system nginx-haproxy and nginx-haproxy-tuned (with HAProxy)',
  },
  {
    name: 'HAProxy',
    commands: ['haproxy'],
    versionArguments: ['-v'],
    enables: '--system nginx-haproxy and nginx-haproxy-tuned (with nginx)',
  },
  {
    name: 'Go',
    commands: ['go'],
    versionArguments: ['version'],
    enables: 'npm run toxiproxy:install builds the real Toxiproxy',
  },
  {
    name: 'wrk',
    commands: ['wrk'],
    versionArguments: ['-v'],
    enables: 'a closed-loop tool beside our generator in benchmarks',
  },
  {
    name: 'Chromium',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    versionArguments: ['--version'],
    enables: 'tests that open reports in a browser',
  },
  {
    name: 's3cmd',
    commands: ['s3cmd'],
    versionArguments: ['--version'],
    enables: 'client compatibility tests with s3cmd',
  },
  {
    name: 'rclone',
    commands: ['rclone'],
    versionArguments: ['version'],
    enables: 'client compatibility tests with rclone',
  },
  {
    name: 'AWS CLI',
    commands: ['aws'],
    versionArguments: ['--version'],
    enables: 'client compatibility tests with aws s3',
  },
]

export async function doctor(env: NodeJS.ProcessEnv = process.env): Promise<Diagnosis> {
  const folders = [toolsFolder, ...(env.PATH ?? '').split(delimiter)].filter(Boolean)
  const found = await Promise.all(tools.map((tool) => lookFor(tool, folders)))
  const findings = [nodeFinding(), ...found, openFilesFinding(), coresFinding(), memoryFinding()]
  const isReady = findings.every((finding) => finding.found !== null || !finding.isRequired)
  return { findings, isReady, text: textOf(findings, isReady) }
}

async function lookFor(tool: Tool, folders: readonly string[]): Promise<Finding> {
  const path =
    tool.commands.map((command) => findCommand(command, folders)).find((one) => one !== null) ?? null
  const found = path === null ? null : await versionOf(path, tool.versionArguments)
  return { name: tool.name, found, enables: tool.enables, isRequired: false, path }
}

/** The first executable file of that name, as a shell would find it; null when there is none. */
export function findCommand(command: string, folders: readonly string[]): string | null {
  return folders.map((folder) => join(folder, command)).find(isExecutableFile) ?? null
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Some tools tell their version on stderr, and wrk does so with exit code 1; what counts is a line with a number. */
async function versionOf(path: string, versionArguments: readonly string[]): Promise<string> {
  const output = await run(path, versionArguments, { timeout: 5000 }).catch((error) => error)
  const line = `${output.stdout ?? ''}\n${output.stderr ?? ''}`.split('\n').find((one) => /\d+\.\d/.test(one))
  return /v?\d+\.\d+[\w.+-]*/.exec(line ?? '')?.[0] ?? 'present, but it does not tell its version'
}

function nodeFinding(): Finding {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const pinned = `v${manifest.devDependencies?.node ?? manifest.dependencies?.node}`
  const isPinned = process.version === pinned
  return {
    name: 'Node',
    found: isPinned ? `${process.version}, as pinned` : `${process.version}, while ${pinned} is pinned`,
    enables: isPinned
      ? 'everything'
      : 'scenarios hand themselves over to the pinned Node; if that fails, run npm ci',
    isRequired: true,
    path: process.execPath,
  }
}

/** Each connection through router, Toxiproxy and cache takes several files. */
const comfortableOpenFiles = 4096

function openFilesFinding(): Finding {
  const limit = openFileLimit()
  const isEnough = limit === null || limit >= comfortableOpenFiles
  return {
    name: 'Open files',
    found: limit === null ? 'limit not known here' : `at most ${limit} for each process`,
    enables: isEnough
      ? 'thousands of connections at once'
      : `raise it for high rates: ulimit -n ${comfortableOpenFiles}`,
    isRequired: false,
    path: null,
  }
}

function openFileLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? null : Number(soft)
  } catch {
    return null
  }
}

function coresFinding(): Finding {
  const cores = availableParallelism()
  return {
    name: 'Cores',
    found: `${cores} × ${cpus()[0]?.model ?? 'unknown'}`,
    enables:
      cores >= 2
        ? 'the whole deployment at the default rate'
        : 'only low rates: load and system share one core; use --rate',
    isRequired: false,
    path: null,
  }
}

function memoryFinding(): Finding {
  return {
    name: 'Memory',
    found: `${bytes(totalmem())}, ${bytes(freemem())} of it free`,
    enables:
      totalmem() >= 2e9 ? 'the whole deployment' : 'little room: expect swapping with the default data set',
    isRequired: false,
    path: null,
  }
}

function textOf(findings: readonly Finding[], isReady: boolean): string {
  const lines = findings.map(({ name, found, enables, path }) => {
    const mark = found === null ? '–' : '✓'
    const where = path === null ? '' : ` (${path})`
    return [`${mark} ${name.padEnd(10)} ${found ?? 'not found'}${where}`, `             ${enables}`].join(
      '\n',
    )
  })
  const end = isReady ? 'Ready: npx zx scenarios/s3-outage.mjs' : 'Not ready: see what is missing above.'
  return [...lines, '', end].join('\n')
}
