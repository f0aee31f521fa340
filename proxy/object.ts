// The plain data that crosses the rings of the proxy: requests, answers, header lists, stored entries. Imports nothing.

/**
 * Header fields as received: name, value, name, value, … (the layout of Node's `rawHeaders`).
 * Order, case and repeats are kept, so a client's signature over them stays valid on every path.
 */
export type HeaderList = readonly string[]

/** Header fields as text, ready to be written: what a list says, without taking it apart and putting it together again. */
export interface HeaderLines {
  /** Each line with its CR LF, latin1. */
  readonly text: string
  /** The value of Content-Length, if there is one. */
  readonly contentLength: number | null
  readonly hasDate: boolean
}

/** Header fields as they came: the text has more before the first and behind the last. */
export interface ReceivedLines extends HeaderLines {
  /** Where in the text each field of the list begins, and at last where they end. */
  readonly starts: readonly number[]
}

/**
 * A body in pieces. It throws if it can't be completed and never ends short;
 * leaving the loop early (`return()`) cancels whatever feeds it.
 */
export type Body = AsyncIterable<Uint8Array>

/**
 * A body that can also be read in memory which it uses again, without a promise where it can be had at once. Iterated,
 * it gives pieces that may be kept.
 */
export interface LentBody extends Body {
  /** The next piece, the reader's until the next call here; null at the end. Rejects as iterating does. */
  lend(): Uint8Array | null | Promise<Uint8Array | null>
  /** Nothing more is wanted, and what was lent is no longer used. */
  leave(): void
}

export function isLent(body: Uint8Array | Body | null): body is LentBody {
  return body !== null && 'lend' in body
}

/** Tells those at work for somebody that he has left: what they need of an AbortSignal, so that a hot path may use less. */
export interface Signal {
  readonly aborted: boolean
  /** Why; usually a ProxyError. */
  readonly reason: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** A request as it reached a role of the proxy. `target` is the request target's bytes, never normalised. */
export interface ProxyRequest {
  readonly method: string
  readonly target: string
  readonly headers: HeaderList
  /** null when the request has no body. Read at most once. */
  readonly body: Body | null
  /** Monotonic time at which the head was complete. */
  readonly receivedMs: number
  readonly clientAddress: string
  /** The same head came before, and `headers` is the very list that it had then: worth remembering what was made of it. */
  readonly isRepeated?: boolean
  /** Aborted when the client's connection is gone. */
  readonly signal: Signal
}

/**
 * An answer to a client. A body that throws after the head was sent makes the server cut the connection,
 * so that a client can never take a short body for a whole one.
 */
export interface ProxyResponse {
  readonly status: number
  readonly headers: HeaderList
  /** `headers`, ready to be written as they are: without those of one connection (RFC 9110 §7.6.1). Nobody who changes `headers` keeps it. */
  readonly lines?: HeaderLines | undefined
  readonly body: Uint8Array | Body | null
  /** This very object is given for more GETs of the present second: its bytes are worth keeping together that long. */
  readonly repeated?: true
}

/** A role of the proxy. What can be answered at once (a memory hit) is returned without a promise. */
export type Handler = (request: ProxyRequest) => ProxyResponse | Promise<ProxyResponse>

/** The first value of a header, by lower-case name; undefined when absent. */
export function headerValue(headers: HeaderList, lowerName: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return headers[i + 1]
  }
  return undefined
}

/** Every value of a header, by lower-case name, in order. */
export function headerValues(headers: HeaderList, lowerName: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.toLowerCase() === lowerName) values.push(headers[i + 1]!)
  }
  return values
}

/** The list without the named headers (lower-case names). */
export function withoutHeaders(headers: HeaderList, lowerNames: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!lowerNames.has(headers[i]!.toLowerCase())) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/** What is known of a stored object beside its bytes. JSON-safe, so that the index can keep it. Holds no secret. */
export interface EntryMeta {
  readonly status: number
  /** End-to-end headers of the origin's answer, hop-by-hop ones removed. */
  readonly headers: HeaderList
  readonly bodyBytes: number
  readonly etag: string | null
  /** Wall time at which the entry was stored or last validated, less the Age that the answer had then. */
  readonly validatedAtMs: number
  /** Wall time up to which it may be served without asking the origin. */
  readonly freshUntilMs: number
  /** The object was read from the origin without credentials, so anybody may have it. */
  readonly isPublic: boolean
  /** Request headers that the answer's Vary names, lower-case, with the values it was made for. */
  readonly selecting?: HeaderList
  /** Of a variant (a version, response-* overrides, …): the generation of its object's variants it belongs to. */
  readonly generation?: string
}

/** A complete, verified object in the store. */
export interface StoredEntry {
  readonly key: string
  readonly meta: EntryMeta
}
