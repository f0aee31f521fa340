// Reads, writes, leaving clients and every kind of failure in random order: whatever happens, a complete answer is a
// version of the object that its reader may see, and nothing is left open. BREAKWATER_SEED repeats a run.
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import t from 'tap'
import { nodeDigests } from '../adapters/digests.ts'
import { once } from '../testing/bodies.ts'
import { type CacheWorld, cacheWorld, hourMs } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'
import { cacheDefaults } from './options.ts'

const keys = 4
const steps = 250
const runs = 12

class Story {
  readonly world: CacheWorld
  readonly failures: string[] = []
  complete = 0
  /** Of each key: the highest version whose write was acknowledged, and the highest that was tried. */
  readonly #acked = Array.from({ length: keys }, () => 0)
  readonly #tried = Array.from({ length: keys }, () => 0)
  readonly #writing = Array.from({ length: keys }, () => 0)
  readonly #pending = new Set<Promise<void>>()
  readonly #random

  constructor(seed: number) {
    this.#random = xoroshiro128plus(seed)
    const fill = { ...cacheDefaults.fill, finishBytes: 20_000, prefixKeepMs: 2000, rangeWindowBytes: 50_000 }
    const next = () => this.pick(1000) / 1000
    this.world = cacheWorld(
      { fill },
      { withBackup: this.pick(2) === 0, digests: nodeDigests, random: { next } },
    )
    for (let key = 0; key < keys; key++) this.world.origin.put(pathOf(key), bodyOf(key, 0))
    this.world.backup.objects = this.world.origin.objects
  }

  /** A whole number below `below`. */
  pick(below: number): number {
    return uniformInt(this.#random, 0, below - 1)
  }

  async step(): Promise<void> {
    const dice = this.pick(100)
    if (dice < 55) this.#start(this.#read(this.pick(keys)))
    else if (dice < 65) this.#start(this.#write(this.pick(keys)))
    else if (dice < 75) this.#upset()
    else if (dice < 80) this.#heal()
    else await this.world.clock.advance([1, 10, 100, 1000, 5000, hourMs][this.pick(6)]!)
  }

  /** Everything works again; what is under way ends. */
  async finish(): Promise<void> {
    this.#heal()
    await this.world.clock.until(Promise.all(this.#pending))
    await this.world.clock.advance(10_000)
    await this.world.clock.until(this.world.cache.drain())
    for (let key = 0; key < keys; key++) await this.world.clock.until(this.#read(key))
    await this.world.clock.advance(10_000)
  }

  #start(action: Promise<void>): void {
    this.#pending.add(action)
    void action.then(() => this.#pending.delete(action))
  }

  async #read(key: number): Promise<void> {
    const atLeast = this.#acked[key]!
    const size = sizeOf(key)
    const first = this.pick(3) === 0 ? this.pick(size) : null
    const method = this.pick(8) === 0 ? 'HEAD' : 'GET'
    const headers = first === null ? [] : ['Range', `bytes=${first}-`]
    const leaveAfter = this.pick(4) === 0 ? this.pick(5) : Number.POSITIVE_INFINITY
    const answer = await this.world.send(this.world.request(pathOf(key), { method, headers }))
    const chunks: Uint8Array[] = []
    try {
      if (answer.body instanceof Uint8Array) chunks.push(answer.body)
      else if (answer.body) {
        for await (const chunk of answer.body) {
          if (chunks.length >= leaveAfter) return
          chunks.push(chunk)
          if (this.pick(4) === 0) await this.world.clock.sleep(this.pick(200))
        }
      }
    } catch {
      return // cut: the client knows that it has not got it all
    }
    if (method === 'HEAD' || answer.status >= 400) return
    this.#judge(key, answer.status === 206 ? first! : 0, Buffer.concat(chunks), atLeast)
  }

  /** What was read whole must be a version that is not older than the last write acknowledged before the read began. */
  #judge(key: number, first: number, bytes: Buffer, atLeast: number): void {
    this.complete++
    for (let version = atLeast; version <= this.#tried[key]!; version++) {
      if (bytes.equals(bodyOf(key, version).subarray(first))) return
    }
    this.failures.push(
      `key ${key} from ${first}: ${bytes.length} bytes are no version from ${atLeast} to ${this.#tried[key]}`,
    )
  }

  async #write(key: number): Promise<void> {
    const version = ++this.#tried[key]!
    const body = once(bodyOf(key, version))
    this.#writing[key]!++
    const answer = await this.world.send(this.world.request(pathOf(key), { method: 'PUT', body }))
    this.#writing[key]!--
    // Writes under way at once may be applied in either order: only when none is left it is settled what may be read.
    if (answer.status === 200 && this.#writing[key] === 0) {
      this.#acked[key] = Math.max(this.#acked[key]!, this.#held(key))
    }
  }

  /** The version that the origin holds. */
  #held(key: number): number {
    const held = Buffer.from(this.world.origin.objects.get(pathOf(key))!.bytes)
    let version = this.#tried[key]!
    while (version > 0 && !held.equals(bodyOf(key, version))) version--
    return version
  }

  #upset(): void {
    const { store } = this.world
    const origin = this.pick(2) === 0 ? this.world.origin : this.world.backup
    const upsets = [
      () => (origin.mood = 'refused'),
      () => (origin.mood = 'hang'),
      () => (origin.mood = 503),
      () => (origin.mood = 'slow-down'),
      () => (origin.cutAfterBytes = this.pick(100_000)),
      () => (origin.stallAfterBytes = this.pick(100_000)),
      () => (origin.chunkDelayMs = this.pick(300)),
      () => (origin.latencyMs = this.pick(1000)),
      () => (store.refusal = { refused: 'store-unavailable' }),
      () => (store.failAfterBytes = this.pick(100_000)),
      () => store.badReads.set(pathOf(this.pick(keys)).slice(1), 'corrupt'),
    ]
    upsets[this.pick(upsets.length)]!()
  }

  #heal(): void {
    const { origin, backup, store } = this.world
    for (const one of [origin, backup]) {
      one.mood = 'ok'
      one.cutAfterBytes = null
      one.stallAfterBytes = null
      one.chunkDelayMs = 0
      one.latencyMs = 32
    }
    store.refusal = null
    store.failAfterBytes = null
    store.badReads.clear()
  }
}

const sizeOf = (key: number) => [10, 5000, 60_000, 180_000][key]!
const pathOf = (key: number) => `/bucket/${key}`
const bodies = new Map<string, Buffer>()

function bodyOf(key: number, version: number): Buffer {
  const name = `${key} ${version}`
  const body = bodies.get(name) ?? Buffer.from(patterned(sizeOf(key), key * 10_007 + version * 7919 + 1))
  bodies.set(name, body)
  return body
}

const firstSeed = Number(process.env.BREAKWATER_SEED ?? Date.now() % 1_000_000)

for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
  t.test(`seed ${seed}`, async (t) => {
    const story = new Story(seed)
    for (let step = 0; step < steps; step++) await story.step()
    await story.finish()
    const { world } = story
    t.strictSame(story.failures, [])
    t.ok(story.complete > 0, `${story.complete} complete reads`)
    t.equal(world.store.openWriters, 0, 'no writer is left open')
    t.equal(world.cache.state().fills, 0, 'no fetch is left')
    t.equal(world.clock.pendingTimers, 0, 'no timer is left')
  })
}
