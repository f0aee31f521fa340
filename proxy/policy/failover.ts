// Decides which server a request goes to next. Pure: the servers come in as plain data, in order of preference.

export type Routable = 'up' | 'down' | 'drain' | 'maint'

export interface Candidate {
  readonly name: string
  readonly backup: boolean
  readonly routable: Routable
}

export type Choice<C extends Candidate> =
  | { readonly kind: 'use'; readonly server: C; readonly because: 'preferred' | 'backup' | 'failover' }
  | { readonly kind: 'none'; readonly because: 'all-servers-down' | 'all-servers-tried' }

/**
 * The first server that is up and has not been tried for this request; backups only after all others.
 * A server that is down gets no traffic, not even as a last resort: its checks tell when it is back, and an honest
 * 503 at once beats a hang.
 */
export function nextServer<C extends Candidate>(inOrder: readonly C[], tried: readonly C[]): Choice<C> {
  const server =
    inOrder.find((c) => !c.backup && usable(c, tried)) ?? inOrder.find((c) => c.backup && usable(c, tried))
  if (server === undefined) {
    return { kind: 'none', because: tried.length > 0 ? 'all-servers-tried' : 'all-servers-down' }
  }
  if (tried.length > 0) return { kind: 'use', server, because: 'failover' }
  return { kind: 'use', server, because: server.backup ? 'backup' : 'preferred' }
}

function usable<C extends Candidate>(candidate: C, tried: readonly C[]): boolean {
  return candidate.routable === 'up' && !tried.includes(candidate)
}
