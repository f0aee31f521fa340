// The TLS server that clients of the origin talk to: checks signatures as S3 would, lets faults act, hands what is left
// to a backend, and logs every request as the ground truth of what reached S3.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { verifySigV4 } from '../../proxy/adapters/sigv4.ts'
import { headerValue } from '../../proxy/object.ts'
import { UsageError } from '../errors.ts'
import type { ServerCertificate } from './authority.ts'
import type { CertificateKind, Credentials } from './handle.ts'
import { answerInstead, type Misbehaviour, spoil } from './misbehaviour.ts'
import type { RequestLog } from './request-log.ts'
import { denialErrors, errorAnswer, mismatchDetails, S3Refusal } from './s3-error.ts'
import { type Backend, formatQuery, parseTarget, type S3Answer, type S3Request } from './s3-request.ts'

export type Certificates = Readonly<Record<CertificateKind, ServerCertificate>>

export interface FrontOptions {
  readonly port: number
  readonly certificates: Certificates
  readonly credentials: Credentials
  readonly backend: Backend
  readonly misbehaviour: Misbehaviour
  readonly log: RequestLog
}

export interface Front {
  /** `127.0.0.1:PORT` */
  readonly address: string
  /** Shows another certificate to new connections; those of before are closed when they are or become idle. */
  setCertificate(kind: CertificateKind): void
  /** Begun under each certificate since the start. */
  readonly handshakes: Readonly<Record<CertificateKind, number>>
  stop(): Promise<void>
}

export async function startFront(options: FrontOptions): Promise<Front> {
  const { certificates } = options
  const server = createServer({ ...certificates.good, keepAliveTimeout: 65_000, noDelay: true })
  let shown: CertificateKind = 'good'
  const handshakes = { good: 0, expired: 0, 'wrong-name': 0, 'unknown-authority': 0 }
  // Counted when they begin: a client that refuses the certificate may be gone before the server has finished.
  server.on('connection', () => handshakes[shown]++)
  const shownTo = new WeakMap<object, CertificateKind>()
  server.on('secureConnection', (socket) => shownTo.set(socket, shown))
  const answer = (request: IncomingMessage, response: ServerResponse, invite: () => void) => {
    response.once('finish', () => {
      if (shownTo.get(request.socket) !== shown) request.socket.end()
    })
    void serve(request, response, options, invite).catch((error) => {
      console.error(error)
      response.destroy()
    })
  }
  server.on('request', (request, response) => answer(request, response, () => {}))
  server.on('checkContinue', (request, response) => answer(request, response, () => response.writeContinue()))
  server.listen(options.port, '127.0.0.1')
  await once(server, 'listening').catch((error) => {
    throw new UsageError(
      `the origin can't listen on 127.0.0.1:${options.port}: ${error.code}; give another --port`,
    )
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    setCertificate(kind) {
      shown = kind
      server.setSecureContext(certificates[kind])
      server.closeIdleConnections()
    },
    handshakes,
    stop: () => stop(server),
  }
}

async function stop(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** What the log will say of a request, gathered as it is served. */
interface Notes {
  fault?: string
  denied?: string
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: FrontOptions,
  invite: () => void,
): Promise<void> {
  const wallMs = Date.now()
  const requestId = randomBytes(8).toString('hex').toUpperCase()
  const notes: Notes = {}
  const target = parseTarget(request.url!)
  const answer = await answerTo(request, target, options, requestId, notes, invite).catch((error) =>
    failure(error, request.url!, requestId),
  )
  // Else the bytes of a body that was never asked for would be taken for the next request.
  if (headerValue(request.rawHeaders, 'expect') && !request.complete) response.shouldKeepAlive = false
  const sent = await send(request, response, answer, requestId)
  const range = headerValue(request.rawHeaders, 'range')
  options.log.add({
    wallMs,
    method: request.method!,
    key: target?.key ?? '',
    query: target === null ? '' : formatQuery(target.query).slice(1),
    status: answer.status,
    ...sent,
    requestId,
    ...(range !== undefined && { range }),
    ...notes,
  })
}

async function answerTo(
  message: IncomingMessage,
  target: ReturnType<typeof parseTarget>,
  options: FrontOptions,
  requestId: string,
  notes: Notes,
  invite: () => void,
): Promise<S3Answer> {
  if (target === null) throw new S3Refusal('InvalidURI')
  const { misbehaviour } = options
  const early = misbehaviour.beforeAnswer(target.key)
  if (early !== null) {
    notes.fault = early.id
    const instead = await answerInstead(early, message.url!, requestId)
    if (instead !== null) return instead
  }
  const request: S3Request = {
    method: message.method!,
    target: message.url!,
    headers: message.rawHeaders,
    ...target,
    body: message,
  }
  const verdict = verifySigV4(request, (key) => secretOf(options.credentials, key), Date.now())
  if (verdict.kind === 'denied') {
    notes.denied = verdict.because
    const [code, text] = denialErrors[verdict.because]
    const details = verdict.computed && mismatchDetails(verdict.computed)
    if (details) console.error(`request ${requestId}: ${code}`, details)
    throw new S3Refusal(code, text, details)
  }
  invite()
  const answer = await options.backend(request)
  const late = misbehaviour.onAnswer(request, answer)
  if (late === null) return answer
  notes.fault = late.id
  return spoil(late, answer)
}

function secretOf(credentials: Credentials, accessKey: string): string | undefined {
  return accessKey === credentials.accessKey ? credentials.secretKey : undefined
}

function failure(error: unknown, resource: string, requestId: string): S3Answer {
  if (error instanceof S3Refusal) return errorAnswer(error.code, resource, requestId, error)
  // A client that left in the middle of its upload hears nothing anyway; anything else is a defect to be seen in the log.
  if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') console.error(error)
  return errorAnswer('InternalError', resource, requestId)
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: S3Answer,
  requestId: string,
): Promise<{ bytes: number; complete: boolean }> {
  const headers = [
    ...answer.headers,
    'Server',
    'AmazonS3',
    'x-amz-request-id',
    requestId,
    'x-amz-id-2',
    requestId,
  ]
  response.writeHead(answer.status, headers)
  const { body } = answer
  const hasNoBody = body === null || request.method === 'HEAD'
  if (!hasNoBody && !(body instanceof Uint8Array)) return stream(body, response, answer)
  if (body !== null && !(body instanceof Uint8Array)) body.on('error', () => {}).destroy()
  const bytes = hasNoBody ? null : (body as Uint8Array)
  response.end(bytes)
  if (!response.writableFinished && !response.destroyed) await once(response, 'close')
  return { bytes: bytes?.length ?? 0, complete: response.writableFinished }
}

async function stream(
  body: Readable,
  response: ServerResponse,
  answer: S3Answer,
): Promise<{ bytes: number; complete: boolean }> {
  let bytes = 0
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length
      done(null, chunk)
    },
  })
  const promised = headerValue(answer.headers, 'content-length')
  try {
    await pipeline(body, count, response, { end: false })
    // A body cut short ends as S3's does when a server dies in good order: with a FIN, not a reset.
    if (promised !== undefined && bytes < Number(promised)) response.socket?.end()
    else response.end()
    return { bytes, complete: promised === undefined || bytes === Number(promised) }
  } catch {
    response.destroy()
    return { bytes, complete: false }
  }
}
