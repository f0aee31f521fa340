// Keeps an object's variants (a version, a part, response-* overrides, an Origin's answer) from outliving a write to the
// object: each belongs to a generation, whose mark is an empty entry of the object's own; a write removes the mark. Flow.
import type { StoredEntry } from '../object.ts'
import type { BodyStore, Clock, Random } from '../ports.ts'

export class Variants {
  readonly #store: BodyStore
  readonly #clock: Clock
  readonly #random: Random
  readonly #beginning = new Map<string, Promise<string | null>>()

  constructor(store: BodyStore, clock: Clock, random: Random) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  isCurrent(base: string, entry: StoredEntry): boolean {
    const { generation } = entry.meta
    if (generation === undefined) return true
    const mark = this.#store.lookup(markKey(base))
    if (mark?.meta.generation !== generation) return false
    this.#store.touch(mark.key)
    return true
  }

  /** The current generation, made when there is none; null when the store doesn't take its mark. */
  async generation(base: string): Promise<string | null> {
    const mark = this.#store.lookup(markKey(base))
    if (mark?.meta.generation !== undefined) return mark.meta.generation
    const beginning = this.#beginning.get(base) ?? this.#begin(base)
    this.#beginning.set(base, beginning)
    return beginning.finally(() => this.#beginning.delete(base))
  }

  /** Ends all variants of the object. */
  end(base: string): void {
    this.#store.remove(markKey(base))
  }

  async #begin(base: string): Promise<string | null> {
    const writer = await this.#store.begin(markKey(base), 0)
    if ('refused' in writer) return null
    const wallMs = this.#clock.wallMs()
    const generation = `${wallMs.toString(36)}-${Math.floor(this.#random.next() * 2 ** 48).toString(36)}`
    await writer.commit({
      status: 200,
      headers: [],
      bodyBytes: 0,
      etag: null,
      validatedAtMs: wallMs,
      freshUntilMs: wallMs,
      isPublic: false,
      generation,
    })
    writer.release()
    return generation
  }
}

/** Spaces can't occur in an object's canonical name. */
function markKey(base: string): string {
  return `${base} variants`
}
