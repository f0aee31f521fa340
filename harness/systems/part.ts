// One part of a system under test as a running process: written out, started, watched, killed, restarted.
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, UsageError } from '../errors.ts'
import { fill, type Placeholders } from './placeholders.ts'
import { type Group, groupUsage, startGroup, tailOf } from './process-group.ts'
import type { PartDescription } from './system.ts'

const readyDeadlineMs = 15_000

/** A part that ended although nobody asked it to. */
export interface UnexpectedEnd {
  readonly part: string
  readonly how: string
  readonly logTail: string
}

/** All processes of a part together; memory as of the last sample. */
export interface PartUsage {
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly maxRssBytes: number
}

/** What a run needs of a part, whether it started it or found it running. */
export type SystemPart = Omit<{ readonly [Member in keyof Part]: Part[Member] }, 'start' | 'listen'>

/** Owns the process of one part, through kills and restarts. */
export class Part {
  readonly name: string
  readonly description: PartDescription
  readonly dir: string
  readonly listen: string
  readonly #values: Placeholders
  readonly #logFile: string
  readonly #onUnexpectedEnd: (end: UnexpectedEnd) => void
  #group: Group | null = null
  #expectedEnd = false
  #endedCpuSeconds = 0
  #livingCpuSeconds = 0
  #rssBytes = 0
  #maxRssBytes = 0

  constructor(
    description: PartDescription,
    values: Placeholders,
    logDir: string,
    onUnexpectedEnd: (end: UnexpectedEnd) => void,
  ) {
    this.name = description.name
    this.description = description
    this.dir = values.dir!
    this.listen = values.listen!
    this.#values = values
    this.#logFile = path.join(logDir, `${description.name}.log`)
    this.#onUnexpectedEnd = onUnexpectedEnd
  }

  /** Text of the description with this part's placeholders filled in. */
  fill(template: string): string {
    return fill(template, this.#values, `part ${this.name}`)
  }

  /** The files as written, by name: what the report shows as configuration. */
  files(): Record<string, string> {
    return Object.fromEntries(
      Object.entries(this.description.files).map(([name, text]) => [name, this.fill(text)]),
    )
  }

  async start(): Promise<void> {
    await mkdir(this.dir, { recursive: true })
    for (const [name, text] of Object.entries(this.files())) {
      await mkdir(path.dirname(path.join(this.dir, name)), { recursive: true })
      await writeFile(path.join(this.dir, name), text)
    }
    const command = this.description.command.map((word) => this.fill(word))
    const logStart = await sizeOf(this.#logFile)
    try {
      this.#group = await startGroup(command, this.dir, this.#logFile)
    } catch (error) {
      throw new UsageError(`part ${this.name}: can't start ${command[0]}: ${messageOf(error)}`)
    }
    this.#expectedEnd = false
    this.#watch(this.#group)
    await this.#untilReady(this.#group, logStart)
  }

  #watch(group: Group): void {
    void group.ended.then((how) => {
      this.#endedCpuSeconds += this.#livingCpuSeconds
      this.#livingCpuSeconds = 0
      if (!this.#expectedEnd) {
        this.#onUnexpectedEnd({ part: this.name, how, logTail: tailOf(this.#logFile) })
      }
    })
  }

  async #untilReady(group: Group, logStart: number): Promise<void> {
    const ready = this.description.ready
    const isReady =
      'output' in ready
        ? async () => (await textFrom(this.#logFile, logStart)).includes(this.fill(ready.output))
        : () => canConnect(this.fill(ready.tcp))
    const deadline = performance.now() + readyDeadlineMs
    while (!(await isReady())) {
      if (!group.running)
        throw new Error(`part ${this.name} ended before it was ready:\n${tailOf(this.#logFile)}`)
      if (performance.now() > deadline) {
        throw new Error(
          `part ${this.name} was not ready after ${readyDeadlineMs / 1000} s:\n${tailOf(this.#logFile)}`,
        )
      }
      await sleep(20)
    }
  }

  /** kill -9 of the whole process group, as a fault: the runner expects it. */
  async kill(): Promise<void> {
    this.#expectedEnd = true
    await this.sampleUsage()
    this.#group?.signal('SIGKILL')
    await this.#group?.ended
    await this.#group?.stop(0)
  }

  /** SIGSTOP: alive but silent. */
  freeze(): void {
    this.#group?.signal('SIGSTOP')
  }

  thaw(): void {
    this.#group?.signal('SIGCONT')
  }

  reload(): void {
    if (!this.description.reload) throw new UsageError(`part ${this.name} has no \`reload\` signal`)
    this.#group?.signal(this.description.reload)
  }

  /** Starts it again after a kill; `cold` forgets everything in its folder first. */
  async restart(state: 'warm' | 'cold'): Promise<void> {
    if (state === 'cold') await rm(this.dir, { recursive: true, force: true })
    await this.start()
  }

  async stop(): Promise<void> {
    this.#expectedEnd = true
    await this.sampleUsage()
    await this.#group?.stop()
  }

  get running(): boolean {
    return this.#group?.running ?? false
  }

  /** Of its process group's leader; null before the first start. */
  get pid(): number | null {
    return this.#group?.pid ?? null
  }

  /** Reads the CPU and memory counters; what is read last before the process ends is what is reported. */
  async sampleUsage(): Promise<void> {
    if (!this.#group?.running) return
    const usage = groupUsage(this.#group.pid)
    if (usage.cpuSeconds > 0) this.#livingCpuSeconds = usage.cpuSeconds
    this.#rssBytes = usage.rssBytes
    this.#maxRssBytes = Math.max(this.#maxRssBytes, usage.rssBytes)
  }

  usage(): PartUsage {
    const cpuSeconds = this.#endedCpuSeconds + this.#livingCpuSeconds
    return { cpuSeconds, rssBytes: this.#rssBytes, maxRssBytes: this.#maxRssBytes }
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    await using handle = await open(file)
    return (await handle.stat()).size
  } catch {
    return 0
  }
}

async function textFrom(file: string, offset: number): Promise<string> {
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(65_536), position: offset })
  return buffer.toString('utf8', 0, bytesRead)
}

function canConnect(address: string): Promise<boolean> {
  const [host, port] = splitAddress(address)
  return new Promise((resolve) => {
    const socket = net.connect(port, host)
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(500, () => done(false))
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}

function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':')
  return [address.slice(0, colon), Number(address.slice(colon + 1))]
}
