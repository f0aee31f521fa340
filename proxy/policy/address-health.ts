// Decides which of a name's addresses a new connection goes to: one whose connections fail is avoided while another one
// is up, and tried again now and then. Pure: time comes in as an argument.

export interface AddressHealth {
  readonly address: string
  readonly state: 'up' | 'down'
  /** Monotonic time of the last change of state, ms. */
  readonly sinceMs: number
  /** Connections in a row that failed. */
  readonly failures: number
  /** Why the last one of them did; null while they succeed. */
  readonly lastError: string | null
  /** Of one whose connections fail: when to try it again on its own, monotonic ms. */
  readonly probeAtMs: number
}

/** Failures in a row that take an address down; one success brings it up. */
export const addressFall = 2
const probeIntervalMs = 1000

/** The addresses a name has now: those it had before keep their health, new ones are taken for up, others are forgotten. */
export function resolved(
  known: readonly AddressHealth[],
  addresses: readonly string[],
  nowMs: number,
): AddressHealth[] {
  return [...new Set(addresses)].map(
    (address) => known.find((one) => one.address === address) ?? fresh(address, nowMs),
  )
}

function fresh(address: string, nowMs: number): AddressHealth {
  return { address, state: 'up', sinceMs: nowMs, failures: 0, lastError: null, probeAtMs: nowMs }
}

/** After a connection to it came about (`error` null) or failed by this name. */
export function afterConnect(health: AddressHealth, error: string | null, nowMs: number): AddressHealth {
  if (error === null) {
    const sinceMs = health.state === 'up' ? health.sinceMs : nowMs
    return { ...health, state: 'up', sinceMs, failures: 0, lastError: null }
  }
  const failures = health.failures + 1
  const state = failures >= addressFall ? 'down' : health.state
  const sinceMs = state === health.state ? health.sinceMs : nowMs
  return { ...health, state, sinceMs, failures, lastError: error, probeAtMs: nowMs + probeIntervalMs }
}

/**
 * The order in which a connection is tried: as DNS gave them, but those that failed lately after those that didn't, and
 * those that are down last. They are still tried when nothing else is left: then traffic itself finds out.
 */
export function inOrder(known: readonly AddressHealth[]): AddressHealth[] {
  return [...known].sort((a, b) => Math.min(a.failures, addressFall) - Math.min(b.failures, addressFall))
}

/** The one to be tried on the side, because connections avoid it and its time has come; null for none. */
export function toProbe(known: readonly AddressHealth[], nowMs: number): AddressHealth | null {
  const isAvoided = known.some(({ failures }) => failures === 0)
  return (isAvoided && known.find((one) => one.failures > 0 && nowMs >= one.probeAtMs)) || null
}

/** It is being tried: not again before its time. */
export function probing(health: AddressHealth, nowMs: number): AddressHealth {
  return { ...health, probeAtMs: nowMs + probeIntervalMs }
}

/** Its health for status pages. */
export interface AddressState {
  readonly address: string
  readonly state: 'up' | 'down'
  /** Wall time of the last change, ms. */
  readonly since: number
  /** Connections in a row that failed, and why the last one did. */
  readonly failures: number
  readonly lastError: string | null
}

/** `since`: `sinceMs` as wall time, ms. */
export function addressState(health: AddressHealth, since: number): AddressState {
  const { address, state, failures, lastError } = health
  return { address, state, since: Math.round(since), failures, lastError }
}
