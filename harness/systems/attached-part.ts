// A part of a deployment that runs already: its process belongs to the user, who says by which command it starts again.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PartUsage, SystemPart, UnexpectedEnd } from './part.ts'
import { tailOf } from './process-group.ts'
import { birthOf, signalProcess, signalTree, treeOf, treeUsage } from './process-tree.ts'
import type { PartDescription } from './system.ts'

const deadlineMs = 15_000
const pollMs = 20

/** What the user says of one of his processes. */
export interface AttachedProcess {
  readonly name: string
  readonly role: 'cache' | 'router'
  /** Where its number is written; null when the number itself was given. */
  readonly pidFile: string | null
  readonly pid: number
  /** Shell commands that start it again: with its store, and with nothing in it. */
  readonly restart: { readonly warm?: string; readonly cold?: string }
  readonly reload?: PartDescription['reload']
}

/** The number in a pid file; null when there is none in it. */
export function pidIn(file: string): number | null {
  try {
    const text = readFileSync(file, 'utf8').trim()
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null
  } catch {
    return null
  }
}

/** Faults act on the process and all that descend from it; at the end of a run it is left running. */
export class AttachedPart implements SystemPart {
  readonly name: string
  readonly description: PartDescription
  /** Nobody knows where it keeps its files. */
  readonly dir = ''
  readonly #process: AttachedProcess
  readonly #logFile: string
  readonly #onUnexpectedEnd: (end: UnexpectedEnd) => void
  #pid: number
  #birth: string | null
  #expectedEnd = false
  /** CPU seconds it had used when the run began to watch it. */
  #cpuBefore: number
  #endedCpuSeconds = 0
  #livingCpuSeconds = 0
  #rssBytes = 0
  #maxRssBytes = 0

  constructor(attached: AttachedProcess, logDir: string, onUnexpectedEnd: (end: UnexpectedEnd) => void) {
    const { name, role, pid, reload } = attached
    this.name = name
    this.description = { name, role, command: [], files: {}, ready: { tcp: '' }, ...(reload && { reload }) }
    this.#process = attached
    this.#logFile = path.join(logDir, `${name}-restart.log`)
    this.#onUnexpectedEnd = onUnexpectedEnd
    this.#pid = pid
    this.#birth = birthOf(pid)
    this.#cpuBefore = treeUsage(pid).cpuSeconds
  }

  fill(template: string): string {
    return template
  }

  /** Its configuration is not known. */
  files(): Record<string, string> {
    return {}
  }

  get running(): boolean {
    return this.#birth !== null && birthOf(this.#pid) === this.#birth
  }

  get pid(): number {
    return this.#pid
  }

  async kill(): Promise<void> {
    this.#expectedEnd = true
    await this.sampleUsage()
    const tree = this.running ? treeOf(this.#pid) : []
    // Parents first, so that none starts another in place of one that died.
    for (const pid of tree) signalProcess(pid, 'SIGKILL')
    await until(() => tree.every((pid) => birthOf(pid) === null), `${this.name} does not die of kill -9`)
    this.#endedCpuSeconds += this.#livingCpuSeconds
    this.#livingCpuSeconds = 0
  }

  freeze(): void {
    if (this.running) signalTree(this.#pid, 'SIGSTOP')
  }

  thaw(): void {
    if (this.running) signalTree(this.#pid, 'SIGCONT')
  }

  reload(): void {
    if (this.running) process.kill(this.#pid, this.#process.reload)
  }

  async restart(state: 'warm' | 'cold'): Promise<void> {
    const command = this.#process.restart[state] ?? this.#process.restart.warm ?? this.#process.restart.cold
    if (command === undefined) throw new Error(`nothing says how ${this.name} is started again`)
    const before = this.#pid
    const spawned = await this.#run(command)
    const { pidFile } = this.#process
    const current = () => (pidFile === null ? spawned.pid! : pidIn(pidFile))
    const isUp = () => {
      const pid = current()
      return pid !== null && (pidFile === null || pid !== before) && birthOf(pid) !== null
    }
    await until(isUp, `${this.name} did not come back by: ${command}`, () => tailOf(this.#logFile))
    this.#pid = current()!
    this.#birth = birthOf(this.#pid)
    this.#cpuBefore = 0
    this.#expectedEnd = false
  }

  /** In a session of its own and not watched over: it is to outlive the run. */
  async #run(command: string) {
    const log = openSync(this.#logFile, 'a')
    const child = spawn('sh', ['-c', command], { detached: true, stdio: ['ignore', log, log] })
    closeSync(log)
    await once(child, 'spawn')
    child.unref()
    return child
  }

  /** Leaves it as it was found. */
  async stop(): Promise<void> {
    await this.sampleUsage()
    this.#expectedEnd = true
    this.thaw()
  }

  async sampleUsage(): Promise<void> {
    if (!this.running) return this.#reportEnd()
    const { cpuSeconds, rssBytes } = treeUsage(this.#pid)
    this.#livingCpuSeconds = Math.max(this.#livingCpuSeconds, cpuSeconds - this.#cpuBefore)
    this.#rssBytes = rssBytes
    this.#maxRssBytes = Math.max(this.#maxRssBytes, rssBytes)
  }

  #reportEnd(): void {
    if (this.#expectedEnd) return
    this.#expectedEnd = true
    this.#onUnexpectedEnd({
      part: this.name,
      how: `process ${this.#pid} is gone`,
      logTail: '(the log of a process that ran already is not known)',
    })
  }

  usage(): PartUsage {
    const cpuSeconds = this.#endedCpuSeconds + this.#livingCpuSeconds
    return { cpuSeconds, rssBytes: this.#rssBytes, maxRssBytes: this.#maxRssBytes }
  }
}

async function until(isSo: () => boolean, otherwise: string, more = () => ''): Promise<void> {
  const deadline = performance.now() + deadlineMs
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error([otherwise, more()].filter(Boolean).join('\n'))
    await sleep(pollMs)
  }
}
