// A small S3 cache that is sound, and can be broken on purpose in one way at a time: the harness's own test specimen.
// Everything is kept in memory; nothing here is meant to be fast or complete.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

/** The ways to be broken. */
export const defects = [
  'none',
  'forgets', // drops everything when S3 first fails
  'flips-a-bit', // one bit of one body in `--every`
  'hangs', // on keys it doesn't hold while S3 fails
  'loses-reads', // one read in `--every` is answered 500
  'slow-tail', // one read in `--every` takes 50 ms longer
  'truncates', // one body in `--every` ends half-way with a clean close
  'fills-twice', // fetches each missing object two times
] as const
export type Defect = (typeof defects)[number]

interface Entry {
  readonly headers: readonly string[]
  readonly body: Buffer
  freshUntilMs: number
}

interface Answer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: Buffer
}

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string' },
    origin: { type: 'string' },
    ca: { type: 'string' },
    name: { type: 'string' },
    'short-valid': { type: 'string', default: '3600s' },
    defect: { type: 'string', default: 'none' },
    every: { type: 'string', default: '100' },
  },
})
const defect = flags.defect as Defect
const every = Number(flags.every)
const shortValidMs = Number.parseInt(flags['short-valid']!, 10) * 1000
const [originAddress, originPort] = flags.origin!.split(':')
const agent = new https.Agent({ keepAlive: true, ca: readFileSync(flags.ca!), servername: flags.name! })
const originTimeoutMs = 600

const entries = new Map<string, Entry>()
const fills = new Map<string, Promise<Answer>>()
let reads = 0
/** Defects that strike now and then wait for S3's first failure, so that a run has its steady state. */
let hasS3Failed = false

/** Sends a request on to S3; rejects when it isn't answered whole in time. */
function fetchFromOrigin(request: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = https.request({
      host: originAddress,
      port: originPort,
      agent,
      method: request.method,
      path: request.url,
      headers: request.rawHeaders.filter((_h, i, all) => !/^connection$/i.test(all[i - (i % 2)]!)),
    })
    const timer = setTimeout(() => outgoing.destroy(new Error('S3 is silent')), originTimeoutMs)
    outgoing.on('error', reject).on('close', () => clearTimeout(timer))
    outgoing.on('response', async (incoming) => {
      try {
        clearTimeout(timer)
        const chunks: Buffer[] = await incoming.toArray()
        resolve({ status: incoming.statusCode!, headers: incoming.rawHeaders, body: Buffer.concat(chunks) })
      } catch (error) {
        reject(error)
      }
    })
    outgoing.end(body)
  })
}

/** One fetch for everybody who waits, unless that is what is broken. */
function fill(key: string, request: IncomingMessage): Promise<Answer> {
  const running = fills.get(key)
  if (running) return running
  if (defect === 'fills-twice') fetchFromOrigin(request, Buffer.alloc(0)).catch(() => {})
  const started = fetchFromOrigin(request, Buffer.alloc(0)).finally(() => fills.delete(key))
  fills.set(key, started)
  return started
}

async function read(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = request.url!
  const entry = entries.get(key)
  if (entry && entry.freshUntilMs > Date.now()) return send(response, { status: 200, ...entry }, 'HIT')
  const answer = await fill(key, request).catch(() => null)
  if (answer !== null && answer.status < 500) {
    if (answer.status === 200) entries.set(key, { ...answer, freshUntilMs: Date.now() + validMs(key) })
    return send(response, answer, entry ? 'EXPIRED' : 'MISS')
  }
  hasS3Failed = true
  if (defect === 'forgets') entries.clear()
  if (defect === 'hangs' && !entry) return
  if (entry && defect !== 'forgets') return send(response, { status: 200, ...entry }, 'STALE')
  send(response, { status: 503, headers: ['Retry-After', '1'], body: Buffer.from('S3 is away') }, 'MISS')
}

function validMs(key: string): number {
  return key.includes('/releases/') ? shortValidMs : Number.POSITIVE_INFINITY
}

async function send(response: ServerResponse, answer: Answer, cacheStatus: string): Promise<void> {
  const isUnlucky = hasS3Failed && answer.status === 200 && ++reads % every === 0
  if (isUnlucky && defect === 'slow-tail') await sleep(50)
  if (isUnlucky && defect === 'loses-reads') {
    response.writeHead(500, { 'X-Cache-Status': cacheStatus }).end('lost')
    return
  }
  const headers = answer.headers.filter((_h, i, all) => !hopByHop.test(all[i - (i % 2)]!))
  if (isUnlucky && defect === 'truncates') {
    response.socket?.end(
      `HTTP/1.1 200 OK\r\nX-Cache-Status: ${cacheStatus}\r\nConnection: close\r\n\r\n${answer.body.subarray(0, answer.body.length / 2).toString('latin1')}`,
      'latin1',
    )
    return
  }
  const body = isUnlucky && defect === 'flips-a-bit' ? withFlippedBit(answer.body) : answer.body
  response.writeHead(answer.status, [
    ...headers,
    'X-Cache-Status',
    cacheStatus,
    'Content-Length',
    String(body.length),
  ])
  response.end(body)
}

const hopByHop = /^(connection|keep-alive|transfer-encoding|content-length|x-cache-status)$/i

/** A copy with one bit changed, at a place that follows from the body itself. */
function withFlippedBit(body: Buffer): Buffer {
  const copy = Buffer.from(body)
  if (copy.length === 0) return copy
  const place = createHash('md5').update(body).digest().readUInt32BE(0) % copy.length
  copy[place] = copy[place]! ^ 1
  return copy
}

async function passThrough(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await request.toArray())
  const failed: Answer = { status: 503, headers: ['Retry-After', '1'], body: Buffer.from('S3 is away') }
  entries.delete(request.url!)
  send(response, await fetchFromOrigin(request, body).catch(() => failed), 'BYPASS')
}

const [listenHost, listenPort] = flags.listen!.split(':')
http
  .createServer(
    (request, response) =>
      void (request.method === 'GET' ? read(request, response) : passThrough(request, response)),
  )
  .listen(Number(listenPort), listenHost, () => console.log(`listening on ${flags.listen}`))
