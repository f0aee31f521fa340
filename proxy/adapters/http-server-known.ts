// Heads that came before: a client that asks for the same again sends the same bytes, which need no second parsing.
import { type ParsedHead, type ParseResult, parseHead } from './http-server-parse.ts'

/** Longer heads carry signatures or cookies and seldom come twice. */
const maxKnownBytes = 512
/** At most about 2 MB, with what was parsed of them. */
const maxKnown = 1024

export class KnownHeads {
  readonly #byText = new Map<string, ParsedHead>()

  get size(): number {
    return this.#byText.size
  }

  /** As `parseHead` from the first byte on. A known head is the very same object as before, its list of headers too. */
  parse(bytes: Buffer, maxHeaders: number): ParseResult {
    if (bytes.length > maxKnownBytes) return parseHead(bytes, 0, maxHeaders)
    const text = bytes.toString('latin1')
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const parsed = parseHead(bytes, 0, maxHeaders)
    if (parsed.kind === 'request' && parsed.end === bytes.length) this.#keep(text, parsed)
    return parsed
  }

  #keep(text: string, head: ParsedHead): void {
    if (this.#byText.size === maxKnown) this.#byText.clear()
    this.#byText.set(text, head)
  }
}
