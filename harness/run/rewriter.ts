// A client who writes the same objects again and again and reads them back: a read that begins after a write was
// acknowledged must never give what was there before it. S3 has kept that since 2020, so a system in front of it must.
import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { emptyPayloadHash, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import type { RereadLine } from '../history/events.ts'
import { Connections } from '../load/connections.ts'
import type { Endpoint, SigningCredentials } from '../load/messages.ts'
import { targetOf } from '../load/sender.ts'
import { type Answered, ask } from './ask.ts'

const intervalMs = 50
const objects = 5
/** Of each version, large enough that a fill of it can be under way while the next is written. */
const bodyBytes = 16_384

export interface RewriterPlan {
  readonly entry: Endpoint
  readonly hostHeader: string
  readonly bucket: string
  readonly credentials: SigningCredentials
  /** Keys are below this, and in no other use. */
  readonly prefix: string
  readonly emit: (line: RereadLine) => void
  readonly nowMs: () => number
}

/** Begins to write and read; disposing of it waits for the last answer. */
export function startRewriter(plan: RewriterPlan): AsyncDisposable {
  const stopping = new AbortController()
  const connections = new Connections(plan.entry)
  const rewritten = Array.from({ length: objects }, (_, i) => new RewrittenObject(plan, connections, i))
  const loop = (async () => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      await rewritten[i % objects]!.nextVersion()
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await loop
      connections.close()
    },
  }
}

class RewrittenObject {
  readonly #plan: RewriterPlan
  readonly #connections: Connections
  readonly #key: string
  readonly #target: string
  #written = 0
  #acknowledged = 0

  constructor(plan: RewriterPlan, connections: Connections, number: number) {
    this.#plan = plan
    this.#connections = connections
    this.#key = `${plan.prefix}${number}`
    this.#target = targetOf(plan.bucket, this.#key)
  }

  /**
   * A read of what was acknowledged last: when S3 has just gone, it comes from a cache that no failed write has emptied
   * yet. Then one while the next version is being written, which must not keep the old one in a cache; then one of it.
   */
  async nextVersion(): Promise<void> {
    await this.#read()
    await Promise.all([this.#write(++this.#written), this.#read()])
    await this.#read()
  }

  /** One that isn't acknowledged may have been done all the same, so its version may be read from now on. */
  async #write(version: number): Promise<void> {
    const answer = await this.#ask('PUT', bodyOf(this.#key, version))
    if (answer?.status === 200) this.#acknowledged = version
  }

  async #read(): Promise<void> {
    const acknowledged = this.#acknowledged
    const atMs = this.#plan.nowMs()
    const answer = await this.#ask('GET', null)
    const read = answer === null ? null : versionIn(this.#key, answer)
    this.#plan.emit({ type: 'reread', atMs, key: this.#key, acknowledged, read })
  }

  #ask(method: 'GET' | 'PUT', body: Buffer | null): Promise<Answered | null> {
    const { hostHeader, credentials } = this.#plan
    const headers = ['Host', hostHeader]
    const signed = signSigV4({
      ...{ method, target: this.#target, headers, credentials, region: credentials.region },
      payloadHash: body === null ? emptyPayloadHash : hash('sha256', body),
      ...{ service: 's3', nowMs: Date.now() },
    })
    return ask(this.#connections, { method, target: this.#target, headers: [...headers, ...signed], body })
  }
}

/** The key and the version, over and over. */
export function bodyOf(key: string, version: number): Buffer {
  return Buffer.alloc(bodyBytes, `${key} in its version ${version}\n`)
}

/** The version that an answer is; 0 when it is none, though it says it is whole; null when it is a failure. */
export function versionIn(key: string, { status, body, complete }: Answered): number | null {
  if (status === 404 && complete) return 0
  if (status !== 200 || !complete) return null
  const version = Number(/ in its version (\d+)\n/.exec(body.toString('latin1', 0, 1024))?.[1] ?? 0)
  return body.equals(bodyOf(key, version)) ? version : 0
}
