// Sends one arrival's request, signed as a client would sign it, checks every byte of the answer and records the end.
import { hash } from 'node:crypto'
import { emptyPayloadHash, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import type { Ending, ExchangeRequest } from './connection.ts'
import type { Connections, Handshake } from './connections.ts'
import type { GeneratorConfig, SigningCredentials } from './messages.ts'
import type { LoadObject } from './objects.ts'
import { type Judged, judge } from './outcome.ts'
import type { Arrival, Recorder } from './recorder.ts'
import type { ResponseHead } from './response-reader.ts'
import { acknowledgement, type Part, partOf, type Witness, wholeObject } from './witness.ts'

export interface SendOptions {
  readonly connections: Connections
  readonly handshake: Handshake
}

type Config = Pick<GeneratorConfig, 'hostHeader' | 'bucket' | 'credentials' | 'backups' | 'timeoutMs'>

/** Sends requests and knows which are in flight. */
export class Sender {
  readonly #config: Config
  readonly #backups: ReadonlySet<string>
  readonly #recorder: Recorder
  readonly #nowMs: () => number
  readonly #cancels = new Set<() => void>()
  readonly #signatures = new Map<string, string[]>()
  #signedAtMs = 0

  constructor(config: Config, recorder: Recorder, nowMs: () => number) {
    this.#config = config
    this.#backups = new Set(config.backups)
    this.#recorder = recorder
    this.#nowMs = nowMs
  }

  get inFlight(): number {
    return this.#cancels.size
  }

  /** Ends every request in flight as `cancelled`. */
  cancelAll(): void {
    for (const cancel of [...this.#cancels]) cancel()
  }

  /** GETs an object and compares its body with the manifest's length and digest; `keep` gets the body when it is right. */
  read(
    arrival: Arrival,
    object: LoadObject,
    options: SendOptions,
    keep: ((body: Buffer) => void) | null = null,
  ): Promise<Judged> {
    const request = this.#request('GET', object.key, null, arrival.requestId)
    return this.#send(arrival, request, options, wholeObject(object, keep))
  }

  /** GETs a part of an object whose whole body is `body`. */
  readPart(arrival: Arrival, part: Part, body: Buffer, options: SendOptions): Promise<Judged> {
    const request = this.#request('GET', arrival.key, null, arrival.requestId)
    const headers = [...request.headers, 'Range', part.range]
    return this.#send({ ...arrival, isPart: true }, { ...request, headers }, options, partOf(body, part))
  }

  /** PUTs a new object. */
  upload(arrival: Arrival, body: Buffer, options: SendOptions): Promise<Judged> {
    const request = this.#request('PUT', arrival.key, body, arrival.requestId)
    return this.#send(arrival, request, options, acknowledgement())
  }

  #request(method: string, key: string, body: Buffer | null, requestId: string): ExchangeRequest {
    const { hostHeader, bucket, credentials } = this.#config
    const target = targetOf(bucket, key)
    const headers = ['Host', hostHeader, 'User-Agent', `breakwater-load/${requestId}`]
    if (credentials === null) return { method, target, headers, body }
    const payloadHash = body === null ? emptyPayloadHash : hash('sha256', body)
    const signed = this.#sign(method, target, payloadHash, credentials)
    return { method, target, headers: [...headers, ...signed], body }
  }

  /** A signature has no finer time than seconds: within one, asking for the same object again is signed the same. */
  #sign(method: string, target: string, payloadHash: string, credentials: SigningCredentials): string[] {
    const nowMs = Math.floor(Date.now() / 1000) * 1000
    if (nowMs !== this.#signedAtMs) this.#signatures.clear()
    this.#signedAtMs = nowMs
    const what = `${method} ${target} ${payloadHash}`
    const known = this.#signatures.get(what)
    if (known !== undefined) return known
    const headers = ['Host', this.#config.hostHeader]
    const { region } = credentials
    const signed = signSigV4({
      method,
      target,
      headers,
      payloadHash,
      credentials,
      region,
      service: 's3',
      nowMs,
    })
    this.#signatures.set(what, signed)
    return signed
  }

  #send(
    arrival: Arrival,
    request: ExchangeRequest,
    { connections, handshake }: SendOptions,
    witness: Witness,
  ): Promise<Judged> {
    const sentMs = this.#nowMs()
    let head: ResponseHead | null = null
    let headMs: number | null = null
    let bytes = 0
    return new Promise((resolve) => {
      const onEnd = (ending: Ending) => {
        this.#cancels.delete(cancel)
        const judged = judge(ending, head, witness, this.#backups)
        const isStarved = ending.kind === 'starved'
        if (isStarved) this.#recorder.doubt(`the load generator ran out of connections: ${ending.detail}`)
        const endMs = this.#nowMs()
        this.#recorder.ended(arrival, { ...judged, sentMs: isStarved ? null : sentMs, headMs, endMs, bytes })
        resolve(judged)
      }
      const cancel = connections.send(request, this.#config.timeoutMs, handshake, {
        onHead: (received) => {
          head = received
          headMs = this.#nowMs()
        },
        onBody: (chunk) => {
          bytes += chunk.length
          if (head!.status === witness.status) witness.add(chunk)
        },
        onEnd,
      })
      this.#cancels.add(cancel)
    })
  }
}

/** The request target of an object, path style. */
export function targetOf(bucket: string, key: string): string {
  return `/${bucket}/${key.split('/').map(encodeSegment).join('/')}`
}

/** Percent-encodes what S3 wants encoded in a path (RFC 3986 unreserved characters stay). */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
