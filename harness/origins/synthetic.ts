// An S3 whose seeded objects cost no storage, for working sets far beyond any disk: they are made as they are read.
// What is written goes to the s3rver beneath, and what is overwritten or deleted is synthetic no more.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { XMLParser } from 'fast-xml-parser'
import { type HeaderList, headerValue } from '../../proxy/object.ts'
import { type Listable, listObjects } from './list-objects.ts'
import { planRead } from './preconditions.ts'
import { S3Refusal } from './s3-error.ts'
import { type Backend, intentOf, type RunningBackend, type S3Answer, type S3Request } from './s3-request.ts'
import type { StoreAccess } from './s3rver-fixes.ts'
import { chunkBytes, syntheticPieces } from './synthetic-body.ts'
import type { SyntheticObject } from './synthetic-objects.ts'

/** Puts an object where the store beneath finds it. */
export type Plant = (key: string, body: Uint8Array, md5: string) => Promise<void>

/** The objects of `bucket` in front of what was written since. */
export function withSynthetic(
  objects: readonly SyntheticObject[],
  bucket: string,
  beneath: RunningBackend & { readonly store: StoreAccess },
  plant: Plant,
): RunningBackend {
  const made = new Map(objects.map((object) => [object.key, object]))
  const madeAtMs = Date.now()

  const backend: Backend = async (request) => {
    if (request.bucket !== bucket) return beneath.backend(request)
    const intent = intentOf(request)
    if (intent === 'list') return listObjects(bucket, request.query, await merged())
    const object = made.get(request.key)
    if (intent === 'read' && object !== undefined) return read(request, object, madeAtMs)
    return intent === 'read' ? beneath.backend(request) : write(request)
  }

  async function write(request: S3Request): Promise<S3Answer> {
    await plantCopySource(headerValue(request.headers, 'x-amz-copy-source'))
    const { sent, keys } = await keysWritten(request)
    const answer = await beneath.backend(sent)
    const isDone = answer.status >= 200 && answer.status < 300
    if (isDone && changesObjects(request)) for (const key of keys) made.delete(key)
    return answer
  }

  async function plantCopySource(source: string | undefined): Promise<void> {
    const key = decodeURIComponent(source ?? '').replace(/^\/?[^/]*\//, '')
    const object = made.get(key)
    if (source !== undefined && object !== undefined) await plant(key, syntheticBody(object), object.md5)
  }

  async function merged(): Promise<Listable> {
    const written = await beneath.store.listable(bucket)
    return {
      keys: [...new Set([...made.keys(), ...(written?.keys ?? [])])],
      async describe(key) {
        const object = made.get(key)
        if (object === undefined) return written?.describe(key) ?? null
        return { bytes: object.bytes, etag: `"${object.md5}"`, lastModifiedMs: madeAtMs }
      },
    }
  }

  return {
    ...beneath,
    backend,
    async holds(holder, key) {
      const object = holder === bucket ? made.get(key) : undefined
      return object === undefined ? beneath.holds(holder, key) : { bytes: object.bytes, md5: object.md5 }
    },
  }
}

/** Parts of an upload change no object before its completion, an aborted one never, and neither do tags and the like. */
function changesObjects({ method, query }: S3Request): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  if (query.has('uploadId')) return method === 'POST'
  return !['uploads', 'tagging', 'acl', 'retention', 'legal-hold'].some((name) => query.has(name))
}

const deleteParser = new XMLParser({ isArray: (name) => name === 'Object', parseTagValue: false })

/** The keys a write is about; the body of a multi-object delete is read for them and sent on from memory. */
async function keysWritten(request: S3Request): Promise<{ sent: S3Request; keys: string[] }> {
  if (request.method !== 'POST' || !request.query.has('delete')) return { sent: request, keys: [request.key] }
  const body = await buffer(request.body)
  const named = deleteParser.parse(body.toString()).Delete?.Object as { Key: string }[] | undefined
  return { sent: { ...request, body: Readable.from([body]) }, keys: (named ?? []).map(({ Key }) => Key) }
}

function read({ method, headers }: S3Request, object: SyntheticObject, madeAtMs: number): S3Answer {
  const plan = planRead(headers, { etag: `"${object.md5}"`, lastModifiedMs: madeAtMs, bytes: object.bytes })
  const about = [
    ...['Accept-Ranges', 'bytes', 'ETag', `"${object.md5}"`],
    ...['Last-Modified', new Date(madeAtMs).toUTCString()],
  ]
  const body = (first: number, last: number) => (method === 'HEAD' ? null : bodyOf(object, first, last))
  switch (plan.kind) {
    case 'whole':
      return { status: 200, headers: withBody(about, object.bytes), body: body(0, object.bytes - 1) }
    case 'part': {
      const { first, last } = plan
      const range = ['Content-Range', `bytes ${first}-${last}/${object.bytes}`]
      return {
        status: 206,
        headers: [...withBody(about, last - first + 1), ...range],
        body: body(first, last),
      }
    }
    case 'not-modified':
      return { status: 304, headers: about, body: null }
    case 'precondition-failed':
      throw new S3Refusal('PreconditionFailed')
    case 'unsatisfiable':
      throw new S3Refusal('InvalidRange')
  }
}

/** Most bodies are small; a stream costs several times what making them does. */
function bodyOf({ seed }: SyntheticObject, first: number, last: number): S3Answer['body'] {
  const pieces = syntheticPieces(seed, first, last)
  if (last - first < chunkBytes) return pieces.next().value!
  return Readable.from(pieces, { objectMode: false })
}

function withBody(about: HeaderList, bytes: number): string[] {
  return [...about, 'Content-Type', 'binary/octet-stream', 'Content-Length', String(bytes)]
}

/** The whole of it in memory. */
export function syntheticBody({ seed, bytes }: SyntheticObject): Buffer {
  return Buffer.concat([...syntheticPieces(seed, 0, bytes - 1)])
}
