// The three ways to load a system: cold (one by one), warm (everything once), open loop (by a schedule that doesn't care
// how the system answers). One Generation lives as long as the run.
import { setImmediate } from 'node:timers/promises'
import type { HistoryLine } from '../history/events.ts'
import { Alarm } from './alarm.ts'
import { Connections } from './connections.ts'
import { KnownBodies } from './known-bodies.ts'
import type {
  ColdPhase,
  Endpoint,
  GeneratorConfig,
  OpenLoopPhase,
  Phase,
  PhaseDone,
  WarmPhase,
  Workload,
} from './messages.ts'
import { filterObjects, type LoadObject } from './objects.ts'
import type { Judged } from './outcome.ts'
import { arrivals } from './pacer.ts'
import { randomStream } from './random.ts'
import { type Arrival, Recorder } from './recorder.ts'
import { Sender, type SendOptions } from './sender.ts'
import { Uploads } from './uploads.ts'
import type { Part } from './witness.ts'
import { partPicker, popularityPicker, populationPicker, sampleBySize } from './workload.ts'

const flushMs = 250
/** An object is known once it has been read: the warm phase asks again for what failed. */
const warmRounds = 3
/** Arrivals sent without a look at the sockets in between, at most. */
const issuedInARow = 100

/** Says what an arrival asks for. */
interface Pickers {
  readonly population: () => Arrival['population']
  readonly known: () => LoadObject
  readonly part: (bytes: number) => Part | null
}

export class Generation {
  readonly recorder: Recorder
  readonly #config: GeneratorConfig
  readonly #known: readonly LoadObject[]
  readonly #neverRead: LoadObject[]
  readonly #bodies: KnownBodies
  readonly #nowMs: () => number
  readonly #emit: (line: HistoryLine) => void
  readonly #sender: Sender
  readonly #uploads: Uploads
  readonly #alarm = new Alarm()
  readonly #connections: Connections
  readonly #flusher: NodeJS.Timeout
  #requests = 0

  constructor(
    config: GeneratorConfig,
    objects: { known: LoadObject[]; neverRead: LoadObject[] },
    nowMs: () => number,
    emit: (line: HistoryLine) => void,
  ) {
    this.#config = config
    this.#known = objects.known
    this.#neverRead = objects.neverRead
    this.#bodies = new KnownBodies(objects.known)
    this.#nowMs = nowMs
    this.#emit = emit
    this.recorder = new Recorder(emit, nowMs)
    this.#sender = new Sender(config, this.recorder, nowMs)
    this.#uploads = new Uploads(config.uploadPrefix, config.seed)
    this.#connections = new Connections(config.target)
    this.#flusher = setInterval(() => this.recorder.flush(), flushMs)
  }

  async run(phase: Phase): Promise<PhaseDone> {
    const startMs = this.#nowMs()
    const scheduledBefore = this.recorder.scheduled
    switch (phase.mode) {
      case 'cold':
        await this.#cold(phase)
        break
      case 'warm':
        await this.#warm(phase)
        break
      case 'open-loop':
        await this.#openLoop(phase)
        break
    }
    return {
      type: 'phase-done',
      name: phase.name,
      startMs,
      endMs: this.#nowMs(),
      scheduled: this.recorder.scheduled - scheduledBefore,
      slipP99Ms: this.recorder.slipP99Ms(phase.name),
      neverReadLeft: this.#neverRead.length,
    }
  }

  async #cold({ name, reads, target, handshake, only }: ColdPhase): Promise<void> {
    const connections = new Connections(target ?? this.#config.target)
    const sample = sampleBySize(this.#candidates(only), reads, this.#config.seed)
    // Opens the connection, or gets the session, that the reads are about.
    if (handshake !== 'full') await this.#readUnrecorded(sample[0]!, { connections, handshake })
    for (const object of sample) {
      const arrival = this.#arrive(name, 'known', object.key, this.#nowMs(), false)
      await this.#sender.read(arrival, object, { connections, handshake })
    }
    connections.close()
  }

  async #warm({ name, concurrency, only }: WarmPhase): Promise<void> {
    let pending = this.#candidates(only)
    let unread: LoadObject[] = []
    for (let round = 0; round < warmRounds && pending.length > 0; round++) {
      const results = await this.#readEach(name, pending, concurrency)
      unread = results.filter(({ judged }) => judged.detail !== '').map(({ object }) => object)
      // What went past the cache was read, but nobody keeps it.
      pending = results
        .filter(({ judged }) => judged.detail !== '' || judged.outcome === 'failover')
        .map(({ object }) => object)
    }
    if (unread.length > 0) {
      throw new Error(
        `${unread.length} objects could not be read in ${warmRounds} tries, so they can't count as known: ${unread[0]!.key}`,
      )
    }
  }

  /** Reads the objects, `concurrency` at a time. */
  async #readEach(phase: string, objects: readonly LoadObject[], concurrency: number) {
    const results: { object: LoadObject; judged: Judged }[] = []
    const queue = objects.values()
    const worker = async () => {
      for (const object of queue) {
        const arrival = this.#arrive(phase, 'known', object.key, this.#nowMs(), false)
        const options = { connections: this.#connections, handshake: 'kept' } as const
        results.push({ object, judged: await this.#read(arrival, object, options) })
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    return results
  }

  async #openLoop(phase: OpenLoopPhase): Promise<void> {
    const { seed } = this.#config
    const workload: Workload = { ...this.#config.workload, ...phase.workload }
    const stream = (purpose: string) => randomStream(seed, `${phase.name}: ${purpose}`)
    const candidates = this.#candidates(phase.only)
    const pickers = {
      population: populationPicker(workload.shares, stream('population')),
      known: popularityPicker(candidates, workload.popularity, seed, stream('which object')),
      part: partPicker(workload.rangeShare, stream('which part')),
    }
    const startMs = this.#nowMs()
    const due = arrivals(workload.arrivals, workload.ratePerSecond, phase.durationMs, stream('arrivals'))
    let sinceYield = 0
    for (const dueMs of due) {
      if (await this.#sleepUntil(startMs + dueMs)) sinceYield = 0
      // Far behind schedule the loop never sleeps; answers must be read all the same.
      else if (++sinceYield % issuedInARow === 0) await setImmediate()
      this.#issue(phase.name, pickers, startMs + dueMs)
    }
    await this.#sleepUntil(startMs + phase.durationMs)
  }

  /** False when that time was past already. */
  async #sleepUntil(atMs: number): Promise<boolean> {
    let waitMs = atMs - this.#nowMs()
    if (waitMs <= 0) return false
    for (; waitMs > 0; waitMs = atMs - this.#nowMs()) await this.#alarm.sleep(waitMs)
    return true
  }

  #issue(phase: string, pick: Pickers, dueMs: number): void {
    const wanted = pick.population()
    if (wanted === 'upload') {
      this.#issueUpload(phase, dueMs)
      return
    }
    const fresh = wanted === 'never-read' ? this.#neverRead.pop() : undefined
    const object = fresh ?? pick.known()
    const arrival = this.#arrive(phase, fresh ? 'never-read' : 'known', object.key, dueMs)
    if (this.#isFull(arrival)) return
    const part = fresh ? null : pick.part(object.bytes)
    const body = part && this.#bodies.get(object.key)
    const options = { connections: this.#connections, handshake: 'kept' } as const
    if (part && body) void this.#sender.readPart(arrival, part, body, options)
    else void this.#read(arrival, object, options)
  }

  /** Reads a whole object, and keeps its body to compare later reads of its parts with. */
  #read(arrival: Arrival, object: LoadObject, options: SendOptions): Promise<Judged> {
    const { key } = object
    const keep = this.#bodies.isMissing(key) ? (body: Buffer) => this.#bodies.keep(key, body) : null
    return this.#sender.read(arrival, object, options, keep)
  }

  #issueUpload(phase: string, dueMs: number): void {
    const { key, body } = this.#uploads.next()
    const arrival = this.#arrive(phase, 'upload', key, dueMs)
    if (this.#isFull(arrival)) return
    const options = { connections: this.#connections, handshake: 'kept' } as const
    void this.#sender.upload(arrival, body, options).then(({ detail }) => {
      if (detail === '') this.#uploads.acknowledge(phase, key, body)
    })
  }

  /** Above the cap an arrival is not sent, and counts against the system all the same. */
  #isFull(arrival: Arrival): boolean {
    if (this.#sender.inFlight < this.#config.maxInFlight) return false
    const detail = `${this.#config.maxInFlight} requests were in flight`
    this.recorder.ended(arrival, {
      outcome: 'dropped',
      detail,
      sentMs: null,
      headMs: null,
      endMs: this.#nowMs(),
      bytes: 0,
    })
    return true
  }

  #arrive(
    phase: string,
    population: Arrival['population'],
    key: string,
    intendedMs: number,
    isScheduled = true,
  ): Arrival {
    const arrival = { phase, population, key, requestId: `r${++this.#requests}`, intendedMs, isScheduled }
    this.recorder.arrived(arrival)
    return arrival
  }

  #candidates(only: OpenLoopPhase['only']): LoadObject[] {
    const objects = filterObjects(this.#known, only ?? {})
    if (objects.length === 0) throw new Error('no known object matches what the phase asks for')
    return objects
  }

  /** Asks the origin for every acknowledged upload, outside of all counts. */
  async verifyUploads(origin: Endpoint): Promise<{ acknowledged: number; lost: number }> {
    const connections = new Connections(origin)
    const options = { connections, handshake: 'kept' } as const
    const lines = await this.#uploads.verify((object) => this.#readUnrecorded(object, options))
    connections.close()
    for (const line of lines) this.#emit(line)
    const acknowledged = lines.reduce((sum, line) => sum + line.acknowledged, 0)
    return { acknowledged, lost: lines.reduce((sum, line) => sum + line.lost.length, 0) }
  }

  /** Reads an object outside of all counts; true when it is there, byte for byte. */
  async #readUnrecorded(object: LoadObject, options: SendOptions): Promise<boolean> {
    const unrecorded = new Sender(this.#config, new Recorder(() => {}, this.#nowMs), this.#nowMs)
    const arrival = { phase: '', population: 'known', key: object.key, requestId: 'unrecorded' } as const
    const now = { intendedMs: this.#nowMs(), isScheduled: false }
    const { detail } = await unrecorded.read({ ...arrival, ...now }, object, options)
    return detail === ''
  }

  /** Waits for what is in flight, cancels what doesn't end in time, and hands on the last windows. */
  async end(graceMs: number): Promise<void> {
    const deadlineMs = this.#nowMs() + graceMs
    while (this.#sender.inFlight > 0 && this.#nowMs() < deadlineMs) await this.#alarm.sleep(5)
    this.#sender.cancelAll()
    clearInterval(this.#flusher)
    this.recorder.flush(true)
    this.#connections.close()
    await this.#alarm.close()
  }
}
