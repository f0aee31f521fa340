// The one place where s3rver's defects are worked around, request by request (those of its store: s3rver-store.ts).
//  - conditional and partial reads: suffix ranges give wrong bytes, several ranges come as one 206, If-Match, If-Range
//    and lists of ETags are ignored, and every 304 leaks a descriptor → planned here, s3rver sees plain ranges only
//  - aws-chunked uploads are stored with their framing → the framing is taken off here
//  - payload hashes, Content-MD5 and checksums are never verified → verified here, before an object becomes visible
//  - listings: truncated ones answer 500 (their token needs DES), order is that of folders → listed here
//  - the stub of an ACL puts its permission outside the grant, on which s3cmd fails → the owner's own is answered here
//  - aborting an upload and listing its parts answer 405; `..` in a key leaves the bucket → answered here
import type { Readable } from 'node:stream'
import { headerValue, withoutHeaders } from '../../proxy/object.ts'
import { type Listable, listObjects, xmlAnswer } from './list-objects.ts'
import { isPlainRead, planRead, type Validators } from './preconditions.ts'
import { S3Refusal } from './s3-error.ts'
import { type Backend, intentOf, type S3Answer, type S3Request } from './s3-request.ts'
import { verifiedBody } from './upload-body.ts'

const conditional = new Set([
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
])

/** What s3rver has no HTTP answer for, asked of its store. */
export interface StoreAccess {
  listable(bucket: string): Promise<Listable | null>
  abortUpload(bucket: string, uploadId: string): Promise<void>
  listParts(request: S3Request): Promise<S3Answer>
}

/** s3rver behind `forward`, without its defects. */
export function withoutDefects(forward: Backend, store: StoreAccess): Backend {
  return async (request) => {
    if (/(^|\/)\.\.?(\/|$)/.test(request.key)) throw new S3Refusal('InvalidURI')
    const intent = intentOf(request)
    if (intent === 'read') return read(request, forward)
    if (intent === 'list') return list(request, store)
    if (request.method === 'GET' && request.key !== '' && request.query.has('acl'))
      return acl(request, forward)
    if (request.query.has('uploadId') && request.method === 'DELETE') {
      await store.abortUpload(request.bucket, request.query.get('uploadId')!)
      return { status: 204, headers: [], body: null }
    }
    if (request.query.has('uploadId') && request.method === 'GET') return store.listParts(request)
    if (request.method === 'PUT' || request.method === 'POST') return forward(upload(request))
    return forward(request)
  }
}

async function read(request: S3Request, forward: Backend): Promise<S3Answer> {
  if (isPlainRead(request.headers)) return forward(request)
  const bare = { ...request, headers: withoutHeaders(request.headers, conditional) }
  const head = await forward({ ...bare, method: 'HEAD' })
  if (head.status !== 200) return forward(bare)
  const object = validatorsOf(head)
  const plan = planRead(request.headers, object)
  switch (plan.kind) {
    case 'whole':
      return forward(bare)
    case 'part':
      return forward({ ...bare, headers: [...bare.headers, 'Range', `bytes=${plan.first}-${plan.last}`] })
    case 'not-modified':
      return { status: 304, headers: withoutHeaders(head.headers, bodyHeaders), body: null }
    case 'precondition-failed':
      throw new S3Refusal('PreconditionFailed')
    case 'unsatisfiable':
      throw new S3Refusal('InvalidRange')
  }
}

const bodyHeaders = new Set(['content-length', 'content-type', 'content-range'])

function validatorsOf(head: S3Answer): Validators {
  return {
    etag: headerValue(head.headers, 'etag') ?? '',
    lastModifiedMs: Date.parse(headerValue(head.headers, 'last-modified') ?? ''),
    bytes: Number(headerValue(head.headers, 'content-length')),
  }
}

const owner = '<ID>breakwater</ID><DisplayName>breakwater</DisplayName>'

/** What S3 says of an object in a bucket without ACLs, its default: the owner may do everything, nobody else anything. */
async function acl(request: S3Request, forward: Backend): Promise<S3Answer> {
  const head = await forward({ ...request, method: 'HEAD', query: new Map() })
  if (head.status !== 200) throw new S3Refusal('NoSuchKey')
  return xmlAnswer(
    `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner>${owner}</Owner>` +
      '<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ' +
      `xsi:type="CanonicalUser">${owner}</Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>` +
      '</AccessControlPolicy>',
  )
}

async function list(request: S3Request, store: StoreAccess): Promise<S3Answer> {
  const listable = await store.listable(request.bucket)
  if (listable === null) throw new S3Refusal('NoSuchBucket')
  return listObjects(request.bucket, request.query, listable)
}

/** The same upload as plain bytes of a stated length, verified as they pass. */
function upload(request: S3Request): S3Request {
  const { body, headers } = verifiedBody(request.headers, request.body as Readable)
  return { ...request, headers: copySourceAsS3rverReadsIt(headers), body }
}

/** s3rver decodes a copy source only by half; written anew, its half is enough. */
function copySourceAsS3rverReadsIt(headers: readonly string[]): string[] {
  return headers.map((value, i) =>
    i % 2 === 1 && headers[i - 1]!.toLowerCase() === 'x-amz-copy-source'
      ? encodeURI(decodeURIComponent(value))
      : value,
  )
}
