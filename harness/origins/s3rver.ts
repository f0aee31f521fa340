// The origin's default backend: s3rver on a loopback port of its own, spoken to over HTTP, its defects mended.
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Pool } from 'undici'
import { withoutHeaders } from '../../proxy/object.ts'
import { type Listable, xmlAnswer } from './list-objects.ts'
import { escapeXml } from './s3-error.ts'
import {
  type Backend,
  encodeKey,
  formatQuery,
  type RunningBackend,
  type S3Answer,
  type S3Request,
} from './s3-request.ts'
import { type StoreAccess, withoutDefects } from './s3rver-fixes.ts'
import { mendStore, openUpload, type S3rverStore, storedKeys } from './s3rver-store.ts'

const require = createRequire(import.meta.url)

interface S3rverInstance {
  readonly store: S3rverStore
  readonly httpServer: Server
  run(): Promise<{ port: number }>
}
const S3rver = require('s3rver') as new (options: Record<string, unknown>) => S3rverInstance

/** Where s3rver keeps buckets, below the origin's directory. */
export function storeRoot(dir: string): string {
  return join(dir, 's3rver')
}

/** Starts s3rver with one bucket, its store below `dir`. */
export async function startS3rver(
  dir: string,
  bucket: string,
): Promise<RunningBackend & { readonly store: StoreAccess }> {
  const spoolDir = join(dir, 'spool')
  await mkdir(spoolDir, { recursive: true })
  const server = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: storeRoot(dir),
    // Else every Host that isn't an address is taken for the name of a bucket.
    vhostBuckets: false,
    configureBuckets: [{ name: bucket }],
  })
  mendStore(server.store, spoolDir)
  const { port } = await server.run()
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 64, headersTimeout: 0, bodyTimeout: 0 })
  const store = storeAccess(server.store)
  return {
    backend: withoutDefects(forwardTo(pool), store),
    store,
    holds: (holder, key) => describe(server.store, holder, key),
    async stop() {
      await pool.destroy()
      server.httpServer.closeAllConnections()
      server.httpServer.close()
      await once(server.httpServer, 'close')
      await rm(spoolDir, { recursive: true, force: true })
    },
  }
}

/** Sent on without the client's signature, which has been checked: s3rver knows no keys of ours and takes anybody. */
const notForwarded = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
])

function forwardTo(pool: Pool): Backend {
  return async (request) => {
    const hasBody = request.method === 'PUT' || request.method === 'POST'
    const answer = await pool.request({
      method: request.method as 'GET',
      path: `/${encodeURIComponent(request.bucket)}${pathOfKey(request)}${formatQuery(request.query)}`,
      headers: withoutHeaders(request.headers, notForwarded),
      body: hasBody ? request.body : null,
      responseHeaders: 'raw',
    })
    const raw = answer.headers as unknown as string[]
    const isBare = request.method === 'HEAD'
    if (isBare) await answer.body.dump()
    return {
      status: answer.statusCode,
      headers: withoutHeaders(raw, ofTheHop),
      body: isBare ? null : answer.body,
    }
  }
}

const ofTheHop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date', 'x-powered-by'])

function pathOfKey({ bucket, key }: S3Request): string {
  return bucket === '' || key === '' ? '' : `/${encodeKey(key)}`
}

function storeAccess(store: S3rverStore): StoreAccess {
  return {
    async listable(bucket): Promise<Listable | null> {
      const folder = await stat(join(store.rootDirectory, bucket)).catch(() => null)
      if (folder === null) return null
      return {
        keys: await storedKeys(store, bucket),
        async describe(key) {
          const metadata = await store.getMetadata(bucket, key).catch(() => null)
          if (metadata === null) return null
          return {
            bytes: Number(metadata['content-length']),
            etag: metadata.etag ?? '',
            lastModifiedMs: Date.parse(metadata['last-modified'] ?? ''),
          }
        },
      }
    },
    async abortUpload(bucket, uploadId) {
      await rm(await openUpload(store, bucket, uploadId), { recursive: true })
    },
    listParts: (request) => listParts(store, request),
  }
}

async function listParts(store: S3rverStore, { bucket, key, query }: S3Request): Promise<S3Answer> {
  const uploadId = query.get('uploadId')!
  const folder = await openUpload(store, bucket, uploadId)
  const numbers = (await readdir(folder)).filter((name) => /^\d+$/.test(name)).map(Number)
  const parts = await Promise.all(
    numbers
      .sort((a, b) => a - b)
      .map(async (number) => {
        const { size, mtime } = await stat(join(folder, String(number)))
        const md5 = await readFile(join(folder, `${number}.md5`), 'utf8')
        return (
          `<Part><PartNumber>${number}</PartNumber><LastModified>${mtime.toISOString()}</LastModified>` +
          `<ETag>&quot;${md5}&quot;</ETag><Size>${size}</Size></Part>`
        )
      }),
  )
  return xmlAnswer(
    `<ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>${escapeXml(bucket)}</Bucket>` +
      `<Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId><IsTruncated>false</IsTruncated>` +
      `${parts.join('')}</ListPartsResult>`,
  )
}

async function describe(
  store: S3rverStore,
  bucket: string,
  key: string,
): Promise<{ bytes: number; md5: string } | null> {
  const metadata = await store.getMetadata(bucket, key).catch(() => null)
  if (metadata === null) return null
  return { bytes: Number(metadata['content-length']), md5: (metadata.etag ?? '').replaceAll('"', '') }
}
