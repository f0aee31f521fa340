// A small S3 cache that is sound, and can be broken on purpose in one way at a time: the harness's own test specimen.
// Nothing here is meant to be fast or complete.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { verifySigV4 } from '../../proxy/adapters/sigv4.ts'
import { rangeOf } from '../../proxy/policy/range.ts'
import type { Defect } from './defects.ts'
import { type Entry, folderStore, memoryStore } from './naive-store.ts'

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
    'access-key': { type: 'string' },
    'secret-key': { type: 'string' },
    'short-valid': { type: 'string', default: '3600s' },
    store: { type: 'string' },
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

const forgetsAll = flags.store === undefined || defect === 'forgets-on-restart'
const entries = forgetsAll ? memoryStore() : folderStore(flags.store!)
const fills = new Map<string, Promise<Answer>>()
/** How often each key has been written: a fill that a write overtook is not kept. */
const writes = new Map<string, number>()
let strikes = 0
let hasS3Failed = false

/** Sends a request on to S3, a read for the whole object; rejects when it isn't answered whole in time. */
function fetchFromOrigin(request: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = https.request({
      host: originAddress,
      port: originPort,
      agent,
      method: request.method,
      path: request.url,
      headers: request.rawHeaders.filter((_h, i, all) => !/^(connection|range)$/i.test(all[i - (i % 2)]!)),
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
  const writesBefore = writes.get(key)
  const started = fetchFromOrigin(request, Buffer.alloc(0))
    .then((answer) => {
      const isOvertaken = writes.get(key) !== writesBefore
      if (answer.status === 200 && !isOvertaken) {
        entries.set(key, { ...answer, freshUntilMs: Date.now() + validMs(key) })
      }
      return answer
    })
    .finally(() => {
      if (fills.get(key) === started) fills.delete(key)
    })
  fills.set(key, started)
  return started
}

async function read(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = request.url!
  if (defect !== 'leaks-private' && !isAllowed(request)) return send(request, response, forbidden, 'BYPASS')
  const entry = entries.get(key)
  if (entry) {
    const isFresh = entry.freshUntilMs > Date.now()
    // What is stale is served at once and fetched anew behind it, so that nobody waits for an S3 that is silent.
    if (!isFresh) void fetchAnew(key, request)
    return send(request, response, held(entry), isFresh ? 'HIT' : 'STALE')
  }
  const answer = await fetchAnew(key, request)
  if (answer !== null) return send(request, response, answer, 'MISS')
  if (defect === 'hangs-on-misses') return
  send(request, response, away, 'MISS')
}

/** Null when S3 fails. */
async function fetchAnew(key: string, request: IncomingMessage): Promise<Answer | null> {
  const answer = await fill(key, request).catch(() => null)
  if (answer !== null && answer.status < 500) return answer
  onS3Failure()
  return null
}

const held = ({ headers, body }: Entry): Answer => ({ status: 200, headers, body })
const forbidden: Answer = { status: 403, headers: [], body: Buffer.from('not signed by anybody known') }
const away: Answer = { status: 503, headers: ['Retry-After', '1'], body: Buffer.from('S3 is away') }

function isAllowed({ method, url, rawHeaders }: IncomingMessage): boolean {
  const signed = { method: method!, target: url!, headers: rawHeaders }
  const secretOf = (key: string) => (key === flags['access-key'] ? flags['secret-key'] : undefined)
  return verifySigV4(signed, secretOf, Date.now()).kind === 'allowed'
}

function onS3Failure(): void {
  if (!hasS3Failed && defect === 'hangs-now-and-then') setInterval(doNothing, every * 1000, 1000)
  hasS3Failed = true
  if (defect === 'forgets') entries.clear()
}

/** Nothing at all happens in this process for so long. */
function doNothing(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function validMs(key: string): number {
  return key.includes('/releases/') ? shortValidMs : Number.POSITIVE_INFINITY
}

/** Whether a defect of single reads strikes this time. */
function strikesNow(which: Defect, { status }: Answer): boolean {
  return defect === which && hasS3Failed && status === 200 && ++strikes % every === 0
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  cacheStatus: string,
): Promise<void> {
  if (strikesNow('slow-tail', answer)) await sleep(50)
  if (strikesNow('loses-reads', answer)) {
    response.writeHead(500, { 'X-Cache-Status': cacheStatus }).end('lost')
    return
  }
  if (strikesNow('truncates', answer)) return sendHalf(response, answer.body, cacheStatus)
  const { status, headers, body } = partOf(request, answer)
  const sent = strikesNow('flips-a-bit', answer) ? withFlippedBit(body) : body
  const own = ['X-Cache-Status', cacheStatus, 'Content-Length', String(sent.length)]
  response.writeHead(status, [...endToEnd(headers), ...own])
  response.end(sent)
}

/** The part that a read of an object asks for, when it asks for one. */
function partOf({ method, headers }: IncomingMessage, answer: Answer): Answer {
  const isObject = method === 'GET' && answer.status === 200
  const part = isObject ? rangeOf(headers.range, answer.body.length) : ({ kind: 'whole' } as const)
  if (part.kind === 'whole') return answer
  if (part.kind === 'unsatisfiable') return { status: 416, headers: [], body: Buffer.alloc(0) }
  const { first, last } = part
  const shift = strikesNow('wrong-range', answer) ? (first > 0 ? -1 : 1) : 0
  const contentRange = ['Content-Range', `bytes ${first}-${last}/${answer.body.length}`]
  return {
    status: 206,
    headers: [...answer.headers, ...contentRange],
    body: answer.body.subarray(first + shift, last + 1 + shift),
  }
}

/** Half a body without a length, and a clean close: what a careless client takes for the whole. */
function sendHalf(response: ServerResponse, body: Buffer, cacheStatus: string): void {
  const head = `HTTP/1.1 200 OK\r\nX-Cache-Status: ${cacheStatus}\r\nConnection: close\r\n\r\n`
  response.socket?.end(Buffer.concat([Buffer.from(head), body.subarray(0, body.length / 2)]))
}

const hopByHop = /^(connection|keep-alive|transfer-encoding|content-length|x-cache-status)$/i

function endToEnd(headers: readonly string[]): string[] {
  return headers.filter((_h, i, all) => !hopByHop.test(all[i - (i % 2)]!))
}

/** A copy with one bit changed, at a place that follows from the body itself. */
function withFlippedBit(body: Buffer): Buffer {
  const copy = Buffer.from(body)
  if (copy.length === 0) return copy
  const place = createHash('md5').update(body).digest().readUInt32BE(0) % copy.length
  copy[place] = copy[place]! ^ 1
  return copy
}

async function write(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await request.toArray())
  forget(request.url!)
  const answer = await fetchFromOrigin(request, body).catch(() => away)
  forget(request.url!)
  send(request, response, answer, 'BYPASS')
}

/** Before a write and after it, so that neither what is held nor what is being fetched outlives it. */
function forget(key: string): void {
  if (defect === 'stale-after-write') return
  writes.set(key, (writes.get(key) ?? 0) + 1)
  fills.delete(key)
  entries.delete(key)
}

const [listenHost, listenPort] = flags.listen!.split(':')
http
  .createServer(
    (request, response) =>
      void (request.method === 'GET' ? read(request, response) : write(request, response)),
  )
  .listen(Number(listenPort), listenHost, () => console.log(`listening on ${flags.listen}`))
