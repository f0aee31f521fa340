// Keeps what often repeated requests for whole bodies in memory were answered in the present second, while Age and ttl stay
// the same. Whether a request may have the answer is decided before, each time anew; only its words are not made again. Flow.
import type { StoredEntry } from '../object.ts'
import type { Reply } from './exchange.ts'

interface Ready {
  readonly entry: StoredEntry
  readonly body: Uint8Array
  readonly reply: Reply
  /** Wall time from which Age or ttl say something else. */
  readonly untilMs: number
}

/** Of bodies that the server may hold a second time, with their heads before them. */
const maxRepeatedBytes = 16 * 1024 * 1024
const maxRepeatedBodyBytes = 128 * 1024
/** What was asked for so often in this second is worth a copy; a larger body must be asked for more often. */
const minHits = 16
const bodyBytesPerHit = 16 * 1024

export class ReadyAnswers {
  #second = Number.NaN
  /** By key: how often it was asked for in this second, then its answer. */
  readonly #byKey = new Map<string, number | Ready>()
  #repeatedBytes = 0

  /** Bytes of bodies in answers marked `repeated`. */
  get repeatedBytes(): number {
    return this.#repeatedBytes
  }

  /** The reply to a repeated request for `body`, all of `entry`: the one given before if it is still true at `wallMs`, else what `make` gives. */
  reply(entry: StoredEntry, body: Uint8Array, wallMs: number, make: () => Reply): Reply {
    this.#turnTo(Math.floor(wallMs / 1000))
    const before = this.#byKey.get(entry.key) ?? 0
    if (typeof before === 'number') {
      if (before >= minHits + body.length / bodyBytesPerHit) return this.#kept(entry, body, wallMs, 0, make())
      this.#byKey.set(entry.key, before + 1)
      return make()
    }
    if (before.entry === entry && before.body === body && wallMs < before.untilMs) return before.reply
    return this.#kept(entry, body, wallMs, before.body.length, make())
  }

  #turnTo(second: number): void {
    if (second === this.#second) return
    this.#second = second
    this.#byKey.clear()
    this.#repeatedBytes = 0
  }

  /** `reply`, marked for the server and kept in place of an answer with a body of `freedBytes`, if there is room. */
  #kept(entry: StoredEntry, body: Uint8Array, wallMs: number, freedBytes: number, reply: Reply): Reply {
    const bytes = this.#repeatedBytes - freedBytes + body.length
    if (body.length > maxRepeatedBodyBytes || bytes > maxRepeatedBytes) return reply
    this.#repeatedBytes = bytes
    const marked = { ...reply, response: { ...reply.response, repeated: true as const } }
    this.#byKey.set(entry.key, { entry, body, reply: marked, untilMs: unchangedUntil(entry, wallMs) })
    return marked
  }
}

/** Age counts whole seconds since the validation, ttl whole seconds to the end of freshness. */
function unchangedUntil({ meta }: StoredEntry, wallMs: number): number {
  const age = Math.max(0, Math.floor((wallMs - meta.validatedAtMs) / 1000))
  const ttl = Math.floor((meta.freshUntilMs - wallMs) / 1000)
  return Math.min(meta.validatedAtMs + (age + 1) * 1000, meta.freshUntilMs - ttl * 1000)
}
