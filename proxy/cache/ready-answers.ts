// Keeps what repeated requests for whole bodies in memory were answered in the present second, while Age and ttl stay the
// same. Whether a request may have the answer is decided before, each time anew; only its words are not made again. Flow.
import type { StoredEntry } from '../object.ts'
import type { Reply } from './exchange.ts'

interface Ready {
  readonly entry: StoredEntry
  readonly reply: Reply
  /** Wall time from which Age or ttl say something else. */
  readonly untilMs: number
  hits: number
}

/** Of bodies that the server may hold a second time, with their heads before them, in any one second. */
const maxRepeatedBytes = 16 * 1024 * 1024
const maxRepeatedBodyBytes = 128 * 1024
/** A copy must be used a few times in its second to have been worth making, a larger one more often. */
const minHits = 4
const bodyBytesPerHit = 16 * 1024

export class ReadyAnswers {
  #second = Number.NaN
  /** By the body as the store gave it: what leaves the store leaves this too. */
  #ready = new WeakMap<Uint8Array, Ready>()
  #repeatedBytes = 0

  /** Bytes of bodies in answers marked `repeated` in this second. */
  get repeatedBytes(): number {
    return this.#repeatedBytes
  }

  /** What `body` was answered with before, if that is still true at `wallMs`. */
  get(entry: StoredEntry, body: Uint8Array, wallMs: number): Reply | undefined {
    this.#turnTo(Math.floor(wallMs / 1000))
    const ready = this.#ready.get(body)
    if (ready === undefined || ready.entry !== entry || wallMs >= ready.untilMs) return undefined
    ready.hits++
    return ready.reply.response.repeated ? ready.reply : this.#repeatedOr(ready, body)
  }

  /** `reply`, which is kept if it may be. Call after `get` at the same `wallMs`. */
  keep(entry: StoredEntry, body: Uint8Array, wallMs: number, reply: Reply): Reply {
    if (body.length > maxRepeatedBodyBytes) return reply
    this.#ready.set(body, { entry, reply, untilMs: unchangedUntil(entry, wallMs), hits: 1 })
    return reply
  }

  #turnTo(second: number): void {
    if (second === this.#second) return
    this.#second = second
    this.#ready = new WeakMap()
    this.#repeatedBytes = 0
  }

  /** Marked for the server once it has been given often enough, while there is room. */
  #repeatedOr(ready: Ready, body: Uint8Array): Reply {
    const isWorthIt = ready.hits > minHits + body.length / bodyBytesPerHit
    if (!isWorthIt || this.#repeatedBytes + body.length > maxRepeatedBytes) return ready.reply
    this.#repeatedBytes += body.length
    const reply = { ...ready.reply, response: { ...ready.reply.response, repeated: true as const } }
    this.#ready.set(body, { ...ready, reply })
    return reply
  }
}

/** Age counts whole seconds since the validation, ttl whole seconds to the end of freshness. */
function unchangedUntil({ meta }: StoredEntry, wallMs: number): number {
  const age = Math.max(0, Math.floor((wallMs - meta.validatedAtMs) / 1000))
  const ttl = Math.floor((meta.freshUntilMs - wallMs) / 1000)
  return Math.min(meta.validatedAtMs + (age + 1) * 1000, meta.freshUntilMs - ttl * 1000)
}
