// What the router tells of itself, as JSON-safe data. Scripts and the harness read it: fields are only ever added.

import type { Clock } from '../ports.ts'
import type { Backend, Transition } from '../router/backend.ts'
import type { Router } from '../router/route.ts'

export interface BackendState {
  readonly name: string
  readonly backup: boolean
  readonly state: 'up' | 'down' | 'drain' | 'maint'
  /** Wall time of the last change, ms. */
  readonly since: number
  readonly because: string
  /** Changes of state since the router began. */
  readonly transitions: number
  /** Estimated time unreachable, from evidence, ms. */
  readonly downtimeMs: number
  readonly lastCheck: {
    readonly ok: boolean
    readonly result: string
    readonly at: number
    readonly tookMs: number
  } | null
  readonly inFlight: number
  readonly requests: number
  readonly errors: number
  readonly retries: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface RouterState {
  readonly now: number
  readonly backends: readonly BackendState[]
  readonly transitions: readonly Transition[]
}

/** The whole state at this moment. */
export function routerState(router: Router, clock: Clock): RouterState {
  const now = clock.wallMs()
  const toWall = (monotonicMs: number) => Math.round(now - clock.monotonicMs() + monotonicMs)
  const backends = router.fleet.backends.map((backend) => backendState(backend, toWall))
  return { now, backends, transitions: router.fleet.journal.transitions }
}

function backendState(backend: Backend, toWall: (monotonicMs: number) => number): BackendState {
  const { name, backup, routable, sinceMs, because, downtimeMs, lastCheck, inFlight, counters } = backend
  const { transitions, requests, errors, retries, bytesIn, bytesOut } = counters
  return {
    name,
    backup,
    state: routable,
    since: toWall(sinceMs),
    because,
    transitions,
    downtimeMs: Math.round(downtimeMs),
    lastCheck: lastCheck && {
      ok: lastCheck.ok,
      result: lastCheck.text,
      at: toWall(lastCheck.atMs),
      tookMs: Math.round(lastCheck.tookMs),
    },
    inFlight,
    requests,
    errors,
    retries,
    bytesIn,
    bytesOut,
  }
}
