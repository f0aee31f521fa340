// Toxiproxy's HTTP API over node:http: which path does what, and how answers and errors look on the wire.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { posix } from 'node:path'
import { buffer as readBody } from 'node:stream/consumers'
import { formatAddress, resolveAddress } from './address.ts'
import {
  proxyBody,
  readNewProxy,
  readNewToxic,
  readPopulate,
  readProxyChange,
  readToxicChange,
  sortedByName,
  toxicBody,
} from './bodies.ts'
import { asApiError, Collection } from './collection.ts'
import { createEvents } from './events.ts'
import { goJson } from './go-json.ts'
import { createMetrics } from './metrics.ts'

/** The version of Toxiproxy whose behaviour this server has. */
export const toxiproxyVersion = '2.12.0'

export interface ServerOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Repeats jitter, toxicity and every other draw. */
  readonly seed: number
  /** Serve /metrics, with the proxies' figures, the runtime's, or both. Without either it answers 404. */
  readonly proxyMetrics: boolean
  readonly runtimeMetrics: boolean
}

export interface ToxiproxyServer {
  readonly url: string
  /** Creates the proxies that a configuration file lists. */
  populate(file: Buffer): Promise<void>
  close(): Promise<void>
}

type Answer = { status: number; json?: string; text?: string; type?: string; location?: string } | 'streaming'
type Handler = (body: Buffer, names: readonly string[], response: ServerResponse) => Answer | Promise<Answer>
type Routes = readonly (readonly [method: string, path: RegExp, handler: Handler])[]

const ok = (value: unknown): Answer => ({ status: 200, json: goJson(value) })
const created = (value: unknown): Answer => ({ status: 201, json: goJson(value) })
const noContent: Answer = { status: 204 }

export async function startToxiproxyServer(options: ServerOptions): Promise<ToxiproxyServer> {
  const events = createEvents()
  const metrics = createMetrics({
    runtime: options.runtimeMetrics,
    proxies: () => collection.all().map((proxy) => proxy.counts()),
  })
  const collection = new Collection({ seed: options.seed, metrics, emit: events.emit })
  const routes: Routes = [
    ...proxyRoutes(collection),
    ...toxicRoutes(collection),
    ...extensionRoutes(collection, options.seed, events.follow),
    ...(options.proxyMetrics || options.runtimeMetrics ? [metricsRoute(metrics)] : []),
  ]
  const server = createServer((request, response) => void serve(routes, request, response))
  // As Toxiproxy's: 15 s to read a request, 60 s of idling between two.
  Object.assign(server, { requestTimeout: 15_000, keepAliveTimeout: 60_000 })
  await listenOn(server, options)
  const { address, port } = server.address() as AddressInfo
  return {
    url: `http://${formatAddress({ host: address, port })}`,
    populate: async (file) => {
      const { error } = await collection.populate(readPopulate(file))
      if (error !== undefined) throw error
    },
    close: () => closeAll(server, collection),
  }
}

/** A name with addresses of both families means the IPv4 one, as in Go. */
async function listenOn(server: Server, options: ServerOptions): Promise<void> {
  const { host, port } = await resolveAddress(formatAddress(options))
  server.listen({ host, port })
  await once(server, 'listening')
}

function closeAll(server: Server, collection: Collection): Promise<void> {
  collection.close()
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function proxyRoutes(collection: Collection): Routes {
  return [
    ['GET', path('/version'), () => version],
    ['POST', path('/reset'), () => collection.reset().then(() => noContent)],
    ['GET', path('/proxies'), () => ({ status: 200, json: index(collection) })],
    ['POST', path('/proxies'), async (body) => created(proxyBody(await collection.add(readNewProxy(body))))],
    ['POST', path('/populate'), (body) => populate(collection, body)],
    ['GET', path('/proxies/{}'), (_body, [name]) => ok(proxyBody(collection.get(name!)))],
    ['POST|PATCH', path('/proxies/{}'), (body, [name]) => updateProxy(collection, name!, body)],
    ['DELETE', path('/proxies/{}'), (_body, [name]) => collection.remove(name!).then(() => noContent)],
  ]
}

/** Body as the real one's, byte for byte. */
const version: Answer = {
  status: 200,
  json: `{"version": "${toxiproxyVersion}"}\n`,
  type: 'application/json;charset=utf-8',
}

/** An object by name, in the order of names; JavaScript's objects would put numbers first. */
function index(collection: Collection): string {
  const entries = sortedByName(collection.all()).map(
    (proxy) => `${goJson(proxy.name)}:${goJson(proxyBody(proxy))}`,
  )
  return `{${entries.join(',')}}`
}

async function updateProxy(collection: Collection, name: string, body: Buffer): Promise<Answer> {
  return ok(proxyBody(await collection.update(name, (settings) => readProxyChange(body, settings))))
}

/** Errors here carry what was done before them, and are application/json, unlike all others. */
async function populate(collection: Collection, body: Buffer): Promise<Answer> {
  try {
    const { proxies, error } = await collection.populate(readPopulate(body))
    const done = proxies.length === 0 ? null : proxies.map(proxyBody)
    return error === undefined ? created({ proxies: done }) : populateRefused(error, done)
  } catch (error) {
    return populateRefused(error, null)
  }
}

function populateRefused(error: unknown, proxies: unknown): Answer {
  const { message, status } = asApiError(error)
  return { status, json: goJson({ error: message, status, proxies }) }
}

function toxicRoutes(collection: Collection): Routes {
  return [
    ['GET', path('/proxies/{}/toxics'), (_body, [proxy]) => ok(collection.get(proxy!).toxics.map(toxicBody))],
    ['POST', path('/proxies/{}/toxics'), (body, [proxy]) => addToxic(collection, proxy!, body)],
    [
      'GET',
      path('/proxies/{}/toxics/{}'),
      (_b, [proxy, toxic]) => ok(toxicBody(collection.get(proxy!).toxic(toxic!))),
    ],
    ['POST|PATCH', path('/proxies/{}/toxics/{}'), (body, names) => updateToxic(collection, names, body)],
    ['DELETE', path('/proxies/{}/toxics/{}'), (_body, names) => removeToxic(collection, names)],
  ]
}

function addToxic(collection: Collection, name: string, body: Buffer): Answer {
  const proxy = collection.get(name)
  const names = proxy.toxics.map((toxic) => toxic.name)
  const toxic = readNewToxic(body, names)
  proxy.addToxic(toxic)
  return ok(toxicBody(toxic))
}

function updateToxic(collection: Collection, [name, toxicName]: readonly string[], body: Buffer): Answer {
  const proxy = collection.get(name!)
  const toxic = proxy.toxic(toxicName!)
  proxy.updateToxic(toxic, readToxicChange(body, toxic))
  return ok(toxicBody(toxic))
}

function removeToxic(collection: Collection, [name, toxicName]: readonly string[]): Answer {
  const proxy = collection.get(name!)
  proxy.removeToxic(proxy.toxic(toxicName!))
  return noContent
}

/** What a real Toxiproxy answers with 404. */
function extensionRoutes(
  collection: Collection,
  seed: number,
  follow: (response: ServerResponse) => void,
): Routes {
  return [
    ['GET', path('/breakwater'), () => ok({ toxiproxy: toxiproxyVersion, seed })],
    ['GET', path('/proxies/{}/connections'), (_body, [name]) => ok(connections(collection, name!))],
    [
      'GET',
      path('/events'),
      (_body, _names, response) => {
        follow(response)
        return 'streaming'
      },
    ],
  ]
}

/** The harness's proof that a fault was real: who is connected, and what the toxics touched since each was added. */
function connections(collection: Collection, name: string): unknown {
  const proxy = collection.get(name)
  return { open: proxy.connections(), totals: proxy.totals, touched: proxy.touched() }
}

function metricsRoute(metrics: ReturnType<typeof createMetrics>): Routes[number] {
  const handler = async (): Promise<Answer> => ({
    status: 200,
    text: await metrics.text(),
    type: metrics.contentType,
  })
  return ['.*', path('/metrics'), handler]
}

/** `{}` stands for one name of a path. */
function path(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('{}', '([^/]+)')}$`)
}

async function serve(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request).catch(() => undefined)
  if (body === undefined) return
  const answer = await answerTo(routes, request, response, body)
  if (answer !== 'streaming') send(response, answer)
}

async function answerTo(
  routes: Routes,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
): Promise<Answer> {
  const { pathname, query } = splitUrl(request.url ?? '/')
  if (pathname === undefined)
    return { status: 400, text: '400 Bad Request', type: 'text/plain; charset=utf-8' }
  const clean = posix.normalize(pathname)
  if (clean !== pathname) return { status: 301, location: encodeURI(clean) + query }
  const here = routes.filter(([, pattern]) => pattern.test(pathname))
  if (here.length === 0) return plain(404, '404 page not found\n')
  const route = here.find(([methods]) => new RegExp(`^(${methods})$`).test(request.method ?? ''))
  if (route === undefined) return { status: 405 }
  response.setHeader('X-Toxiproxy-Request-Id', randomBytes(10).toString('hex'))
  // A guard against web pages that would have the browser of whoever looks at them change proxies.
  if (request.headers['user-agent']?.startsWith('Mozilla/')) return plain(403, 'User agent not allowed\n')
  const [, pattern, handler] = route
  try {
    return await handler(body, pattern.exec(pathname)!.slice(1), response)
  } catch (error) {
    return refused(error)
  }
}

/** Decoded before it is matched, as in Toxiproxy: an encoded slash is a slash. No pathname when it can't be decoded. */
function splitUrl(url: string): { pathname?: string; query: string } {
  const [, raw, query] = /^(?:https?:\/\/[^/?]*)?([^?]*)(.*)$/s.exec(url)!
  try {
    return { pathname: decodeURIComponent(raw!), query: query! }
  } catch {
    return { query: query! }
  }
}

const plain = (status: number, text: string): Answer => ({ status, text })

/** JSON that calls itself text, as in Toxiproxy. */
function refused(error: unknown): Answer {
  const { message, status } = asApiError(error)
  return plain(status, `${goJson({ error: message, status })}\n`)
}

function send(response: ServerResponse, answer: Exclude<Answer, 'streaming'>): void {
  const { status, json, text, type, location } = answer
  if (json !== undefined) response.setHeader('Content-Type', type ?? 'application/json')
  else if (text !== undefined) response.setHeader('Content-Type', type ?? 'text/plain; charset=utf-8')
  if (text !== undefined && type === undefined) response.setHeader('X-Content-Type-Options', 'nosniff')
  if (location !== undefined) response.setHeader('Location', location)
  const body = json ?? text ?? ''
  if (status !== 204) response.setHeader('Content-Length', Buffer.byteLength(body))
  response.writeHead(status).end(body)
}
