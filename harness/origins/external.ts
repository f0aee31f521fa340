// A real S3 as the origin: our front, its certificate, faults and log stand before it. Its objects are read and never
// written: what a run uploads goes below `breakwater/RUN/` in the user's bucket and is removed at the end.
import { hash, randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { withoutHeaders } from '../../proxy/object.ts'
import { type ExternalObject, inventory, targetIn } from './external-inventory.ts'
import { type ExternalPlace, type ExternalS3, openExternal } from './external-s3.ts'
import { type ListedObject, listObjects } from './list-objects.ts'
import { S3Refusal } from './s3-error.ts'
import { formatQuery, intentOf, type RunningBackend, type S3Answer, type S3Request } from './s3-request.ts'
import { verifiedBody } from './upload-body.ts'

/** Made again for the user's S3, or of the hop between. */
const signedAnew = new Set([
  ...['authorization', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token', 'host', 'connection'],
  ...['content-length', 'transfer-encoding', 'expect', 'via', 'user-agent', 'x-amz-sdk-checksum-algorithm'],
])

/** Serves the user's bucket as `bucket`. Throws a UsageError when it can't be read. */
export async function openExternalBackend(
  place: ExternalPlace,
  bucket: string,
): Promise<{ running: RunningBackend; objects: readonly ExternalObject[] }> {
  const s3 = openExternal(place)
  try {
    const objects = await inventory(s3, place)
    return { running: new ExternalBackend(s3, place, bucket, objects), objects }
  } catch (error) {
    await s3.close()
    throw error
  }
}

/** Knows what may be read, and what this run has written. */
class ExternalBackend implements RunningBackend {
  readonly #s3: ExternalS3
  readonly #place: ExternalPlace
  readonly #bucket: string
  readonly #readable: ReadonlyMap<string, ExternalObject>
  readonly #written = new Map<string, ListedObject>()
  readonly #writtenBelow = `breakwater/${randomUUID()}/`

  constructor(s3: ExternalS3, place: ExternalPlace, bucket: string, objects: readonly ExternalObject[]) {
    this.#s3 = s3
    this.#place = place
    this.#bucket = bucket
    this.#readable = new Map(objects.map((object) => [object.key, object]))
  }

  readonly backend = async (request: S3Request): Promise<S3Answer> => {
    if (request.bucket !== this.#bucket) throw new S3Refusal('NoSuchBucket')
    const intent = intentOf(request)
    if (intent === 'list') return this.#list(request)
    if (request.key === '') throw new S3Refusal('NotImplemented')
    return intent === 'read' ? this.#forward(request) : this.#write(request)
  }

  async holds(_bucket: string, key: string): Promise<{ bytes: number; md5: string } | null> {
    const answer = await this.#plain('GET', key)
    const body = await buffer(answer.body as Readable)
    return answer.status === 200 ? { bytes: body.length, md5: hash('md5', body, 'hex') } : null
  }

  async stop(): Promise<void> {
    for (const key of this.#written.keys()) {
      const answer = await this.#plain('DELETE', key)
      await buffer(answer.body as Readable)
    }
    await this.#s3.close()
  }

  #list(request: S3Request): Promise<S3Answer> {
    return listObjects(this.#bucket, request.query, {
      keys: [...this.#readable.keys(), ...this.#written.keys()],
      describe: async (key) => {
        const object = this.#readable.get(key)
        if (object === undefined) return this.#written.get(key) ?? null
        return { bytes: object.bytes, etag: `"${object.md5}"`, lastModifiedMs: 0 }
      },
    })
  }

  async #write(request: S3Request): Promise<S3Answer> {
    if (this.#readable.has(request.key)) {
      throw new S3Refusal('AccessDenied', "The harness doesn't change objects it did not write itself")
    }
    const { headers, body } = verifiedBody(request.headers, request.body as Readable)
    const bytes = await buffer(body)
    const answer = await this.#forward({ ...request, headers }, bytes)
    const isDone = answer.status >= 200 && answer.status < 300
    if (isDone && request.method === 'DELETE') this.#written.delete(request.key)
    else if (isDone && !request.query.has('partNumber')) this.#written.set(request.key, listed(bytes))
    return answer
  }

  #forward(request: S3Request, body: Buffer | null = null): Promise<S3Answer> {
    const kept = withoutHeaders(request.headers, signedAnew)
    const headers = kept.map((value, i) =>
      i % 2 === 1 && kept[i - 1]!.toLowerCase() === 'x-amz-copy-source' ? this.#remoteSource(value) : value,
    )
    return this.#s3.send({
      method: request.method,
      target: this.#target(request.key) + formatQuery(request.query),
      headers,
      body,
      ...(body !== null && { payloadHash: hash('sha256', body, 'hex') }),
    })
  }

  #plain(method: string, key: string): Promise<S3Answer> {
    return this.#s3.send({ method, target: this.#target(key), headers: [], body: null })
  }

  #target(key: string): string {
    return targetIn(this.#place, this.#readable.get(key)?.remoteKey ?? this.#writtenBelow + key)
  }

  #remoteSource(source: string): string {
    return this.#target(decodeURIComponent(source).replace(/^\/?[^/]*\//, ''))
  }
}

function listed(body: Buffer): ListedObject {
  return { bytes: body.length, etag: `"${hash('md5', body, 'hex')}"`, lastModifiedMs: Date.now() }
}
