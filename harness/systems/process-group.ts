// Starts long-lived programs as process groups of their own, and makes sure that none outlives the runner.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Ticks a second in /proc/PID/stat; Linux has fixed it at 100 for user space. */
const ticksPerSecond = 100
const pageBytes = 4096

export interface GroupUsage {
  readonly cpuSeconds: number
  readonly rssBytes: number
}

let reaper: ChildProcess | null = null

function tellReaper(line: string): void {
  if (!reaper) {
    const script = fileURLToPath(new URL('./reaper.mjs', import.meta.url))
    reaper = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    reaper.unref()
    ;(reaper.stdin as unknown as { unref?(): void }).unref?.()
    reaper.stdin?.on('error', () => {})
  }
  reaper.stdin?.write(`${line}\n`)
}

/** Has the reaper end this process's group should the runner vanish. */
export function guard(pid: number): void {
  tellReaper(`+${pid}`)
}

/** The group has ended; its number may be given to somebody else from now on. */
export function unguard(pid: number): void {
  tellReaper(`-${pid}`)
}

/**
 * Ends this process with that exit code. A Node that exits while V8's other threads wait for a garbage collection waits
 * for them for ever (nodejs/node#54918); the reaper, once anything was started, ends it after 5 s then.
 */
export function exitSurely(code: number): never {
  if (reaper) tellReaper(`!${process.pid}`)
  process.exit(code)
}

export interface Group {
  readonly pid: number
  readonly logFile: string
  /** Resolves once with how the program ended, in words. */
  readonly ended: Promise<string>
  readonly running: boolean
  signal(name: NodeJS.Signals): void
  /** SIGTERM, then SIGKILL after `graceMs`; resolves when every process of the group is gone. */
  stop(graceMs?: number): Promise<void>
}

/** Starts a program with its output appended to `logFile`. Rejects when it can't be executed. */
export async function startGroup(command: readonly string[], cwd: string, logFile: string): Promise<Group> {
  const log = openSync(logFile, 'a')
  const [program, ...args] = command
  const child = spawn(program!, args, { cwd, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  await once(child, 'spawn')
  const pid = child.pid!
  guard(pid)
  let running = true
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false
      resolve(signal ? `killed by ${signal}` : `exit code ${code}`)
    })
  })
  return {
    pid,
    logFile,
    ended,
    get running() {
      return running
    },
    signal: (name) => signalGroup(pid, name),
    stop: (graceMs = 3000) => stopGroup(pid, ended, graceMs),
  }
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function stopGroup(pid: number, ended: Promise<string>, graceMs: number): Promise<void> {
  // A stopped process acts on SIGTERM only after it is continued.
  signalGroup(pid, 'SIGTERM')
  signalGroup(pid, 'SIGCONT')
  const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
  await ended
  clearTimeout(timer)
  // Workers that survived their master.
  signalGroup(pid, 'SIGKILL')
  unguard(pid)
}

/**
 * CPU time and resident memory of every living process of a group; zeros where /proc doesn't exist. Read synchronously:
 * these files are memory, and trips to other threads for each of some hundred cost several times their CPU.
 */
export function groupUsage(pid: number): GroupUsage {
  const members: string[][] = []
  for (const entry of processes()) {
    const stat = statOf(entry)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[2]) === pid) members.push(fields)
  }
  return usageIn(members)
}

function processes(): string[] {
  try {
    return readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  } catch {
    return []
  }
}

/** Empty when the process has gone meanwhile. */
function statOf(entry: string): string {
  try {
    return readFileSync(`/proc/${entry}/stat`, 'utf8')
  } catch {
    return ''
  }
}

/** What /proc/PID/stat says of several processes, each given as its fields from the state on. */
export function usageIn(members: readonly (readonly string[])[]): GroupUsage {
  let cpuSeconds = 0
  let rssBytes = 0
  for (const fields of members) {
    // proc(5): utime and stime with those of waited-for children, then rss in pages.
    cpuSeconds += [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) / ticksPerSecond
    rssBytes += Number(fields[21]) * pageBytes
  }
  return { cpuSeconds, rssBytes }
}

/** The last lines of a log, for the message about a part that died. */
export function tailOf(logFile: string, lines = 8): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return '(no log)'
  }
}
