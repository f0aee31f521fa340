// The ways S3 misbehaves at the HTTP level: which request a fault touches, and what becomes of its answer.
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { headerValue, withoutHeaders } from '../../proxy/object.ts'
import type { OriginFault, OriginFaultKind, TouchedFault } from './handle.ts'
import { errorAnswer } from './s3-error.ts'
import type { S3Answer, S3Request } from './s3-request.ts'

interface ActiveFault {
  readonly fault: OriginFault
  readonly draw: () => number
  touched: number
}

/** These need a body to spoil; the others act whatever is asked. */
const bodyKinds: ReadonlySet<OriginFaultKind> = new Set(['truncated', 'overlong', 'altered', 'wrong-etag'])

/** The faults in force. One request is touched by one fault at most: the first, by age, whose turn it is. */
export class Misbehaviour {
  readonly #active = new Map<string, ActiveFault>()
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  set(fault: OriginFault): void {
    const generator = xoroshiro128plus(this.#seed)
    this.#active.set(fault.id, { fault, draw: () => uniformFloat64(generator), touched: 0 })
  }

  clear(id: string): TouchedFault {
    const touched = this.#active.get(id)?.touched ?? 0
    this.#active.delete(id)
    return { id, touched }
  }

  clearAll(): TouchedFault[] {
    return [...this.#active.keys()].map((id) => this.clear(id))
  }

  /** The fault that answers in place of S3, or delays it, before the request is looked at. */
  beforeAnswer(key: string): OriginFault | null {
    return this.#pick(key, ({ kind }) => !bodyKinds.has(kind))
  }

  /** The fault that spoils this answer's body or head. */
  onAnswer(request: S3Request, answer: S3Answer): OriginFault | null {
    const isRead = request.method === 'GET' && (answer.status === 200 || answer.status === 206)
    if (!isRead || Number(headerValue(answer.headers, 'content-length') ?? 0) === 0) return null
    return this.#pick(request.key, ({ kind }) => bodyKinds.has(kind))
  }

  #pick(key: string, isWanted: (fault: OriginFault) => boolean): OriginFault | null {
    for (const active of this.#active.values()) {
      const { fault } = active
      if (!isWanted(fault) || !key.startsWith(fault.prefix) || active.draw() >= fault.share) continue
      active.touched += 1
      return fault
    }
    return null
  }
}

/** What a fault answers in place of S3; null when it only delays. */
export async function answerInstead(
  fault: OriginFault,
  resource: string,
  requestId: string,
): Promise<S3Answer | null> {
  switch (fault.kind) {
    case 'slow-down':
      return errorAnswer('SlowDown', resource, requestId)
    case 'internal-error':
      return errorAnswer('InternalError', resource, requestId)
    case 'forbidden':
      return errorAnswer('AccessDenied', resource, requestId)
    case 'error-with-200':
      return errorAnswer('InternalError', resource, requestId, { status: 200 })
    case 'slow-first-byte':
      await sleep(fault.delayMs ?? 0)
      return null
    default:
      return null
  }
}

/** The answer as the fault spoils it. A body that ends before its Content-Length is cut by the front with a clean end. */
export function spoil(fault: OriginFault, answer: S3Answer): S3Answer {
  const length = Number(headerValue(answer.headers, 'content-length'))
  switch (fault.kind) {
    case 'truncated':
      return { ...answer, body: Readable.from(firstBytes(chunksOf(answer), Math.floor(length / 2))) }
    case 'overlong':
      return { ...answer, body: Readable.from(andMore(chunksOf(answer))) }
    case 'altered':
      return { ...answer, body: Readable.from(oneBitFlipped(chunksOf(answer), Math.floor(length / 2))) }
    case 'wrong-etag': {
      const headers = withoutHeaders(answer.headers, new Set(['etag']))
      return { ...answer, headers: [...headers, 'ETag', '"00000000000000000000000000000000"'] }
    }
    default:
      return answer
  }
}

async function* chunksOf({ body }: S3Answer): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) yield body
  else if (body !== null) yield* body
}

async function* firstBytes(chunks: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left)
    left -= chunk.length
    if (left <= 0) return
  }
}

async function* andMore(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks
  yield Buffer.from('these bytes are more than Content-Length promised')
}

async function* oneBitFlipped(chunks: AsyncIterable<Uint8Array>, at: number): AsyncGenerator<Uint8Array> {
  let offset = 0
  for await (const chunk of chunks) {
    const copy = Buffer.from(chunk)
    if (at >= offset && at < offset + copy.length) copy[at - offset]! ^= 1
    offset += copy.length
    yield copy
  }
}
