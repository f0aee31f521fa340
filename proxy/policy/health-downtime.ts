// Estimates how long a server was really unreachable, from evidence alone. Detection takes a few checks; the outage
// does not begin when it is detected. Pure: time comes in as an argument.

/**
 * Between the last good and the first bad evidence the outage began, somewhere: the midpoint is the best guess, wrong
 * by at most half the gap. The same at its end. An outage counts once the server was marked down: a single request
 * that got lost among others that were answered is none.
 */
export interface Downtime {
  readonly lastGoodMs: number | null
  readonly lastBadMs: number | null
  /** When the outage that may be on is taken to have begun; null while reachable. */
  readonly outageSinceMs: number | null
  /** The server has been marked down for the outage that is on. */
  readonly confirmed: boolean
  /** Of outages that are over. */
  readonly endedMs: number
}

export const noDowntime: Downtime = {
  lastGoodMs: null,
  lastBadMs: null,
  outageSinceMs: null,
  confirmed: false,
  endedMs: 0,
}

/** The server answered at `atMs`. */
export function reachedAt(downtime: Downtime, atMs: number): Downtime {
  const { outageSinceMs, lastBadMs, confirmed } = downtime
  const lastGoodMs = Math.max(atMs, downtime.lastGoodMs ?? atMs)
  if (outageSinceMs === null || lastBadMs === null) return { ...downtime, lastGoodMs }
  if (atMs < lastBadMs) return downtime
  const lastedMs = confirmed ? Math.max(0, (lastBadMs + atMs) / 2 - outageSinceMs) : 0
  const endedMs = downtime.endedMs + lastedMs
  return { lastGoodMs, lastBadMs, outageSinceMs: null, confirmed: false, endedMs }
}

/** A request sent at `sentMs` was not answered. What counts is when it was sent: a timeout fails long after the server did. */
export function missedAt(downtime: Downtime, sentMs: number): Downtime {
  const { lastGoodMs, outageSinceMs } = downtime
  if (lastGoodMs !== null && sentMs < lastGoodMs) return downtime
  const lastBadMs = Math.max(sentMs, downtime.lastBadMs ?? sentMs)
  if (outageSinceMs !== null) return { ...downtime, lastBadMs }
  return { ...downtime, lastBadMs, outageSinceMs: lastGoodMs === null ? sentMs : (lastGoodMs + sentMs) / 2 }
}

/** The server is marked down: what evidence speaks of an outage is believed. */
export function confirmed(downtime: Downtime): Downtime {
  return downtime.outageSinceMs === null ? downtime : { ...downtime, confirmed: true }
}

/** Total time unreachable up to now, an outage that is still on included. */
export function downtimeMs(downtime: Downtime, nowMs: number): number {
  const { endedMs, outageSinceMs } = downtime
  const isOn = outageSinceMs !== null && downtime.confirmed
  return isOn ? endedMs + Math.max(0, nowMs - outageSinceMs) : endedMs
}
