// The parent's handle on the load generator, which runs as its own process so that nothing else delays its schedule.
import { type ChildProcess, fork } from 'node:child_process'
import { finished } from 'node:stream/promises'
import type { HistoryLine } from '../history/events.ts'
import { guard, unguard } from '../systems/process-group.ts'
import type { Endpoint, FromGenerator, GeneratorConfig, Phase, PhaseDone, ToGenerator } from './messages.ts'

export interface GeneratorHooks {
  /** Every line for the history, in the order it arose. */
  readonly onLine: (line: HistoryLine) => void
  /** The process died before `end` or `kill`; every pending promise has been rejected with the same reason. */
  readonly onDeath: (reason: string) => void
}

export interface Generator {
  readonly pid: number
  readonly knownObjects: number
  readonly neverReadObjects: number
  /** Resolves when the phase's schedule has run out; stragglers' lines follow. One phase at a time. */
  phase(phase: Phase): Promise<PhaseDone>
  /** Call when the origin is reachable again and no uploads are running. Emits one `upload` line a phase that had any. */
  verifyUploads(origin: Endpoint): Promise<{ acknowledged: number; lost: number }>
  /** Emits the last windows and the `generator` line; the process is gone when this resolves. */
  end(graceMs?: number): Promise<void>
  /** Ends the process without ceremony; safe to call at any time and twice. */
  kill(): Promise<void>
}

/** The generator could not do what was asked of it, for a reason that lies in the system or the objects. */
export class PhaseRefused extends Error {}

/** Starts the process and hands it its configuration. Rejects with one clear sentence when it can't use it. */
export async function startGenerator(config: GeneratorConfig, hooks: GeneratorHooks): Promise<Generator> {
  const child = fork(new URL('./main.ts', import.meta.url), [], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    // The terminal's Ctrl-C goes to the runner's group; the runner decides when the load ends.
    detached: true,
  })
  const link = new Link(child, hooks)
  const ready = await link.ask({ type: 'start', config }, 'ready').catch(async (error) => {
    await link.kill()
    throw error
  })
  return {
    pid: child.pid!,
    knownObjects: ready.knownObjects,
    neverReadObjects: ready.neverReadObjects,
    phase: (phase) => link.ask({ type: 'phase', phase }, 'phase-done'),
    verifyUploads: (origin) => link.ask({ type: 'verify-uploads', origin }, 'uploads-verified'),
    end: (graceMs = config.timeoutMs) => link.end(graceMs),
    kill: () => link.kill(),
  }
}

type Reply<Type extends FromGenerator['type']> = Extract<FromGenerator, { type: Type }>

interface Question {
  readonly awaits: FromGenerator['type']
  readonly resolve: (reply: never) => void
  readonly reject: (error: Error) => void
}

const stderrTailBytes = 4096
const exitMs = 3000

/** One question at a time over the IPC channel, lines to the hook, and an honest word when the process dies. */
class Link {
  readonly #child: ChildProcess
  readonly #hooks: GeneratorHooks
  readonly #exited: Promise<unknown>
  #question: Question | null = null
  #death: string | null = null
  #isWanted = false
  #stderrTail = ''

  constructor(child: ChildProcess, hooks: GeneratorHooks) {
    this.#child = child
    this.#hooks = hooks
    if (child.pid !== undefined) guard(child.pid)
    this.#exited = new Promise((resolve) => {
      // Not 'close': Node doesn't emit it once the parent has disconnected the channel.
      child.once('exit', async (code, signal) => {
        if (!this.#isWanted) await finished(child.stderr!).catch(() => {})
        resolve(this.#onExit(code, signal))
      })
      child.once('error', (error) => resolve(this.#onDeath(`could not be started: ${error.message}`)))
    })
    child.on('message', (message: FromGenerator) => this.#onMessage(message))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderrTail = (this.#stderrTail + text).slice(-stderrTailBytes)
    })
  }

  ask<Type extends FromGenerator['type']>(question: ToGenerator, awaits: Type): Promise<Reply<Type>> {
    if (this.#death !== null) return Promise.reject(new Error(this.#death))
    if (this.#question !== null)
      return Promise.reject(new Error(`the generator is still busy with its ${this.#question.awaits}`))
    return new Promise((resolve, reject) => {
      this.#question = { awaits, resolve: resolve as Question['resolve'], reject }
      this.#child.send(
        question,
        (error) => error && this.#fail(`the generator can't be reached: ${error.message}`),
      )
    })
  }

  async end(graceMs: number): Promise<void> {
    await this.ask({ type: 'end', graceMs }, 'ended')
    this.#isWanted = true
    if (this.#child.connected) this.#child.disconnect()
    // It has said everything. Node can hang when it exits, see `exitSurely`.
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), exitMs)
    await this.#exited
    clearTimeout(timer)
  }

  async kill(): Promise<void> {
    this.#isWanted = true
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL')
    await this.#exited
  }

  #onMessage(message: FromGenerator): void {
    if (message.type === 'line') this.#hooks.onLine(message.line)
    else if (message.type === 'refused') this.#fail(message.reason, PhaseRefused)
    else this.#answer(message)
  }

  #answer(message: FromGenerator): void {
    const question = this.#question
    if (question?.awaits !== message.type) return
    this.#question = null
    question.resolve(message as never)
  }

  #onExit(code: number | null, signal: string | null): void {
    unguard(this.#child.pid!)
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`
    this.#onDeath(`${how}${this.#stderrTail === '' ? '' : `: ${this.#stderrTail.trim()}`}`)
  }

  #onDeath(how: string): void {
    if (this.#death !== null) return
    this.#death = `the load generator ${how}`
    this.#fail(this.#death)
    if (!this.#isWanted) this.#hooks.onDeath(this.#death)
  }

  #fail(reason: string, Kind: new (reason: string) => Error = Error): void {
    const question = this.#question
    this.#question = null
    question?.reject(new Kind(reason))
  }
}
