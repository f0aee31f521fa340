// Finds or starts the Toxiproxy that a run asked for: the embedded server in a process of its own, a real
// toxiproxy-server by path or name, or one that runs already, by URL.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { messageOf, UsageError } from '../errors.ts'
import { guard, tailOf, unguard } from '../systems/process-group.ts'
import { type Control, control, type Toxiproxy } from './control.ts'

/** Where `npm run toxiproxy:install` puts the real one. */
export const toolsFolder = fileURLToPath(new URL('../../.tools/bin', import.meta.url))

const startTimeoutMs = 15_000
const stopGraceMs = 3_000

export interface OpenOptions {
  readonly seed: number
  /** Folder for the server's log. */
  readonly logDir: string
}

/**
 * `auto` and `embedded`: the embedded server, which proves its faults and can delay connecting. A URL: attach to what
 * runs there. Anything else is a program: a path, or a name looked for in .tools/bin and on PATH, such as
 * `toxiproxy-server`. Rejects with UsageError when it can't be had.
 */
export async function openToxiproxy(choice: string, options: OpenOptions): Promise<Toxiproxy> {
  if (choice === 'auto' || choice === 'embedded') return await startEmbedded(options)
  if (/^https?:\/\//.test(choice)) return await attach(choice)
  return await startReal(findProgram(choice), options)
}

/** The executable file that a path or a bare name means. Throws UsageError when there is none. */
export function findProgram(choice: string): string {
  const found = candidates(choice).find(isExecutable)
  if (found !== undefined) return found
  const where = choice.includes(path.sep)
    ? 'is no executable file'
    : 'was found neither in .tools/bin nor on PATH'
  throw new UsageError(
    `--toxiproxy: ${choice} ${where}; give auto, embedded, a path or a URL (\`npm run toxiproxy:install\` builds the real one)`,
  )
}

function candidates(choice: string): string[] {
  if (choice.includes(path.sep)) return [path.resolve(choice)]
  const folders = [toolsFolder, ...(process.env.PATH ?? '').split(path.delimiter)]
  return folders.filter((folder) => folder !== '').map((folder) => path.join(folder, choice))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}

async function attach(given: string): Promise<Toxiproxy> {
  const url = given.replace(/\/+$/, '')
  const taken = await control(url).catch((error) => {
    throw new UsageError(`--toxiproxy: no Toxiproxy answers at ${url}: ${messageOf(error)}`)
  })
  return withEnd(taken, () => taken.removeAllLinks(), new Promise(() => {}))
}

/** Keeps the getter of `shortfalls`, which a spread would freeze. */
function withEnd(taken: Control, stop: () => Promise<void>, exited: Promise<string>): Toxiproxy {
  return Object.defineProperties(
    { stop, exited },
    Object.getOwnPropertyDescriptors(taken),
  ) as unknown as Toxiproxy
}

async function startEmbedded({ seed, logDir }: OpenOptions): Promise<Toxiproxy> {
  const script = fileURLToPath(new URL('./main.ts', import.meta.url))
  const args = [script, '--host', '127.0.0.1', '--port', '0', '--seed', String(seed), '--proxy-metrics']
  const logFile = path.join(logDir, 'toxiproxy.log')
  const log = openSync(logFile, 'a')
  // The IPC channel carries nothing: the server ends itself when it closes, which it does when this process dies.
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', log, 'ipc'] })
  closeSync(log)
  const server = supervise(child)
  const late = sleep(startTimeoutMs, undefined, { ref: false })
  const url = await Promise.race([readyUrl(child), server.exited.then(() => undefined), late])
  if (url === undefined)
    return failed(server.stop, `the embedded Toxiproxy did not start: ${tailOf(logFile)}`)
  child.unref()
  child.channel?.unref()
  const taken = await control(url).catch((error) => failed(server.stop, messageOf(error)))
  return withEnd(taken, server.stop, server.exited)
}

async function failed(stop: () => Promise<void>, reason: string): Promise<never> {
  await stop()
  throw new Error(reason)
}

async function readyUrl(child: ChildProcess): Promise<string | undefined> {
  const lines = createInterface({ input: child.stdout! })
  const [line] = (await once(lines, 'line')) as [string]
  lines.close()
  return /listening on (\S+)$/.exec(line)?.[1]
}

async function startReal(program: string, { seed, logDir }: OpenOptions): Promise<Toxiproxy> {
  const port = await freePort()
  const args = ['-host', '127.0.0.1', '-port', String(port), '-seed', String(seed), '-proxy-metrics']
  const logFile = path.join(logDir, 'toxiproxy.log')
  const log = openSync(logFile, 'a')
  const env = { ...process.env, LOG_LEVEL: 'error' }
  const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env })
  closeSync(log)
  const server = supervise(child)
  const taken = await answering(`http://127.0.0.1:${port}`, server.exited)
  if (typeof taken === 'object') return withEnd(taken, server.stop, server.exited)
  await server.stop()
  throw new UsageError(`--toxiproxy: ${program} does not run as a Toxiproxy (${taken}): ${tailOf(logFile)}`)
}

/** A port nobody listened on a moment ago; the real server can't choose one by itself. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Asks until there is an answer, the process has ended, or patience has; the latter two in words. */
async function answering(url: string, exited: Promise<string>): Promise<Control | string> {
  const deadlineMs = performance.now() + startTimeoutMs
  while (performance.now() < deadlineMs) {
    const taken = await control(url).catch(() => undefined)
    if (taken !== undefined) return taken
    const end = await Promise.race([exited, sleep(50)])
    if (end !== undefined) return end
  }
  return `no answer within ${startTimeoutMs} ms`
}

/** Has the reaper see to the process, and says how it ended. */
function supervise(child: ChildProcess): { stop: () => Promise<void>; exited: Promise<string> } {
  const { pid } = child
  if (pid !== undefined) guard(pid)
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(messageOf(error)))
    child.once('exit', (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`))
  })
  const stop = async () => {
    child.ref()
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), stopGraceMs)
    await exited
    clearTimeout(timer)
    if (pid !== undefined) unguard(pid)
  }
  return { stop, exited }
}
