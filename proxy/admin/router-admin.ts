// The router's own HTTP endpoints, served on a port of their own: the live page, the state for machines, and the calls
// with which an operator takes a server out and puts it back.
import { timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Handler, headerValue, type ProxyRequest, type ProxyResponse } from '../object.ts'
import type { Clock } from '../ports.ts'
import type { Mode } from '../router/backend-record.ts'
import type { Router } from '../router/route.ts'
import { EventStream } from './event-stream.ts'
import { haproxyCsv } from './haproxy-csv.ts'
import { routerMetrics } from './prometheus.ts'
import { fullRouterState, routerState } from './state.ts'

export interface RouterAdminOptions {
  /** The router in force; after a reload another one. */
  readonly router: () => Router
  readonly clock: Clock
  /** What operators must know to change anything; null: nobody may. */
  readonly token: string | null
}

type Route = (request: ProxyRequest) => ProxyResponse | Promise<ProxyResponse>

const refreshMs = 1000
const encoder = new TextEncoder()
const modes: ReadonlySet<string> = new Set(['ready', 'drain', 'maint'] satisfies Mode[])

/**
 * GET / (page), /state (JSON), /events (server-sent events), /;csv (as HAProxy), /metrics (Prometheus);
 * POST /backends/NAME/ready|drain|maint with `Authorization: Bearer TOKEN`.
 */
export function createRouterAdmin(options: RouterAdminOptions): Handler {
  const { router, clock } = options
  const metrics = routerMetrics(() => routerState(router(), clock))
  const pages: Readonly<Record<string, Route>> = {
    '/': asset('page.html', 'text/html; charset=utf-8'),
    '/page.css': asset('page.css', 'text/css'),
    '/page.js': asset('page.js', 'text/javascript'),
    '/state': () => json(200, fullRouterState(router(), clock)),
    '/events': () => events(options),
    '/;csv': () => answer(200, 'text/plain', haproxyCsv(routerState(router(), clock))),
    '/metrics': async () => answer(200, metrics.contentType, await metrics.metrics()),
  }
  return (request) => {
    const path = request.target.split('?', 1)[0]!
    if (path.startsWith('/backends/')) return setMode(options, request, path)
    const page = pages[path.startsWith('/;csv') ? '/;csv' : path]
    if (page === undefined)
      return json(404, { error: `no such page; there are ${Object.keys(pages).join(' ')}` })
    if (request.method !== 'GET') return json(405, { error: 'only GET' })
    return page(request)
  }
}

function setMode({ router, token }: RouterAdminOptions, request: ProxyRequest, path: string): ProxyResponse {
  const [, , name, mode] = path.split('/')
  if (request.method !== 'POST') return json(405, { error: 'only POST' })
  if (token === null)
    return json(403, { error: 'no token is configured (admin.token_file), so nobody may change anything' })
  if (!isToken(headerValue(request.headers, 'authorization'), token)) {
    return json(401, { error: 'Authorization: Bearer TOKEN is missing or wrong' })
  }
  const backend = router().fleet.backends.find((one) => encodeURIComponent(one.name) === name)
  if (backend === undefined) return json(404, { error: `no server is named ${name}` })
  if (!modes.has(mode ?? '')) return json(404, { error: `a server can be set to ${[...modes].join(', ')}` })
  backend.setMode(mode as Mode)
  return json(200, { name: backend.name, mode, state: backend.routable })
}

/** Compares in constant time. */
function isToken(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/** The full state at first, then the state every second, and every change of state at once; across reloads, too. */
function events({ router, clock }: RouterAdminOptions): ProxyResponse {
  const stream = new EventStream(clock, () => {
    unfollow()
    cancel()
  })
  const unfollow = router().fleet.journal.follow((transition) => stream.send('transition', transition))
  let cancel = () => {}
  const tick = () => {
    cancel = clock.after(refreshMs, tick)
    stream.send('state', routerState(router(), clock))
  }
  stream.send('hello', fullRouterState(router(), clock))
  cancel = clock.after(refreshMs, tick)
  const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store']
  return { status: 200, headers, body: stream }
}

/** A file of the page, read once. It loads nothing from elsewhere, and may not. */
function asset(file: string, type: string): Route {
  const text = readFileSync(new URL(`page/${file}`, import.meta.url), 'utf8')
  return () => answer(200, type, text, ['Content-Security-Policy', "default-src 'self'; img-src data:"])
}

function json(status: number, value: unknown): ProxyResponse {
  return answer(status, 'application/json', `${JSON.stringify(value)}\n`)
}

function answer(status: number, type: string, text: string, more: readonly string[] = []): ProxyResponse {
  const body = encoder.encode(text)
  const headers = [
    'Content-Type',
    type,
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    ...more,
  ]
  return { status, headers, body }
}
