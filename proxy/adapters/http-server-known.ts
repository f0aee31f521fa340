// Heads that came before: a client that asks for the same again sends the same bytes, which need no second parsing.
import { type ParsedHead, type ParseResult, parseHead } from './http-server-parse.ts'

/** Longer heads carry signatures or cookies and seldom come twice. */
const maxKnownBytes = 512
/** At most about 2 MB, with what was parsed of them. */
const maxKnown = 1024
/** A head is kept when it comes again before another that falls into the same place: what never repeats is never kept. */
const seenPlaces = 1024

const SPACE = 0x20
const targetStart = 4

interface Known {
  /** The head's bytes, latin1. */
  readonly text: string
  readonly head: ParsedHead
}

export class KnownHeads {
  readonly #byMark = new Map<number, Known>()
  readonly #seen = new Int32Array(seenPlaces)

  get size(): number {
    return this.#byMark.size
  }

  /** As `parseHead` from the first byte on. A known head (`isKnown`) is the very same object as before. */
  parse(bytes: Buffer, maxHeaders: number): ParseResult {
    if (bytes.length > maxKnownBytes) return parseHead(bytes, 0, maxHeaders)
    const mark = markOf(bytes)
    const known = this.#byMark.get(mark)
    if (known !== undefined && known.text === bytes.toString('latin1')) return known.head
    const parsed = parseHead(bytes, 0, maxHeaders)
    if (!this.#cameBefore(mark) || parsed.kind !== 'request' || parsed.end !== bytes.length) return parsed
    return this.#keep(mark, bytes, parsed)
  }

  #cameBefore(mark: number): boolean {
    const place = mark & (seenPlaces - 1)
    const came = this.#seen[place] === mark
    this.#seen[place] = mark
    return came
  }

  #keep(mark: number, bytes: Buffer, parsed: ParsedHead): ParsedHead {
    if (this.#byMark.size === maxKnown) this.#byMark.clear()
    const head = { ...parsed, isKnown: true }
    this.#byMark.set(mark, { text: bytes.toString('latin1'), head })
    return head
  }
}

/** FNV-1a over the target and the length of the whole, 30 bits. Different heads may have one mark: then the later is kept. */
function markOf(bytes: Buffer): number {
  let hash = 0x811c9dc5 ^ bytes.length
  for (let i = targetStart; i < bytes.length && bytes[i] !== SPACE; i++) {
    hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  }
  return hash & 0x3fffffff
}
