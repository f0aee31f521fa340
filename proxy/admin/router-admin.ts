// The router's own HTTP endpoints, served on a port of their own. Flow.
import type { Handler, ProxyRequest, ProxyResponse } from '../object.ts'
import type { Clock } from '../ports.ts'
import type { Router } from '../router/route.ts'
import { EventStream } from './event-stream.ts'
import { routerState } from './state.ts'

const encoder = new TextEncoder()

/** GET /state (JSON) and GET /events (server-sent events: the state at first, then every change of state). */
export function createRouterAdmin(router: Router, clock: Clock): Handler {
  const routes: Readonly<Record<string, () => ProxyResponse>> = {
    '/state': () => json(200, routerState(router, clock)),
    '/events': () => events(router, clock),
  }
  return (request: ProxyRequest) => {
    const route = routes[request.target.split('?', 1)[0]!]
    if (route === undefined)
      return json(404, { error: `no such page; there is ${Object.keys(routes).join(', ')}` })
    if (request.method !== 'GET') return json(405, { error: 'only GET' })
    return route()
  }
}

function events(router: Router, clock: Clock): ProxyResponse {
  const stream = new EventStream(clock, () => unfollow())
  const unfollow = router.fleet.journal.follow((transition) => stream.send('transition', transition))
  stream.send('state', routerState(router, clock))
  const headers = ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store']
  return { status: 200, headers, body: stream }
}

function json(status: number, value: unknown): ProxyResponse {
  const body = encoder.encode(`${JSON.stringify(value)}\n`)
  const headers = [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
  ]
  return { status, headers, body }
}
