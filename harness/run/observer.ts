// Watches a deployment while a run goes on, twice a second, and turns what it sees into history lines:
// bytes on the links, what reached the origin, what the parts say of themselves, what they hold.
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../errors.ts'
import type { HistoryLine } from '../history/events.ts'
import type { SystemPart } from '../systems/part.ts'
import type { Deployment } from './deployment.ts'
import { holdingsOf } from './holdings.ts'
import { askPart } from './part-states.ts'

const intervalMs = 500

export interface Observer {
  /** Reads everything once more and stops. */
  stop(): Promise<void>
  /** From now on `downtimes` leaves out what has been recorded up to here. */
  forgetDowntimes(): Promise<void>
  /** Milliseconds of downtime that the system recorded for each backend, by "part/backend"; empty when it records none. */
  downtimes(): Promise<readonly { part: string; backend: string; measuredMs: number }[]>
}

/**
 * Starts watching. `nowMs` is the run's clock; `startWallMs` the calendar time of its zero. `watchStores` also measures
 * the stores of caches, file by file.
 */
export function observe(
  deployment: Deployment,
  emit: (line: HistoryLine) => void,
  nowMs: () => number,
  startWallMs: number,
  watchStores: boolean,
): Observer {
  const stopping = new AbortController()
  const known = new Map<string, string>()
  const before = new Map<string, number>()
  const linkBytes = new Map<string, { upstream: number; downstream: number }>()
  let originSequence = 0

  const readLinks = async () => {
    for (const [link, bytes] of await deployment.toxiproxy.bytesByLink()) {
      const before = linkBytes.get(link) ?? { upstream: 0, downstream: 0 }
      linkBytes.set(link, bytes)
      emit({
        type: 'link',
        link,
        atMs: nowMs(),
        upstreamBytes: bytes.upstream - before.upstream,
        downstreamBytes: bytes.downstream - before.downstream,
      })
    }
  }

  const readOrigin = async () => {
    for (;;) {
      const { entries, missed } = await deployment.origin.requestLog(originSequence)
      if (missed > 0) {
        emit({
          type: 'doubt',
          atMs: nowMs(),
          reason: `${missed} requests fell out of the origin's log unread`,
        })
      }
      if (entries.length === 0) return
      for (const entry of entries) {
        originSequence = entry.sequence
        const { method, key, status, bytes, range } = entry
        emit({
          type: 'origin',
          atMs: entry.wallMs - startWallMs,
          method,
          key,
          status,
          bytes,
          ...(range && { range }),
        })
      }
    }
  }

  const tellState = (part: string, subject: string, state: string, because: string) => {
    const id = `${part}/${subject}`
    if (known.get(id) === state) return
    known.set(id, state)
    emit({ type: 'state', part, subject, state, because, atMs: nowMs() })
  }

  const readPart = async (one: SystemPart) => {
    const told = await askPart(one)
    if (told === null) return
    const { part, backends, breakers, loads, store } = told
    for (const { name, state, because } of backends) tellState(part, name, state, because)
    for (const { origin, state, because } of breakers) tellState(part, `${origin} breaker`, state, because)
    for (const { name, inFlight, waiting } of loads)
      emit({ type: 'load', part, subject: name, inFlight, waiting, atMs: nowMs() })
    if (store) emit({ type: 'store', part, ...store, atMs: nowMs() })
  }

  const readHoldings = async () => {
    await Promise.all(deployment.parts.map((part) => part.sampleUsage()))
    for (const holding of await holdingsOf(deployment.parts, watchStores)) {
      emit({ type: 'holding', ...holding, atMs: nowMs() })
    }
  }

  const readRest = async () => {
    await Promise.all([readLinks(), readOrigin(), readHoldings()])
  }

  const giveUp = (error: unknown) => {
    if (stopping.signal.aborted) return
    emit({
      type: 'doubt',
      atMs: nowMs(),
      reason: `could not observe the deployment: ${messageOf(error)}`,
    })
    stopping.abort()
  }

  const every = async (read: () => Promise<void>) => {
    while (!stopping.signal.aborted) {
      await read().catch(giveUp)
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  // Each part by itself: one that hangs must not delay what the others say.
  const readers = [readRest, ...deployment.parts.map((part) => () => readPart(part))]
  const loops = readers.map(every)

  return {
    async stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      await Promise.all(loops)
      await Promise.all(readers.map((read) => read()))
    },
    async forgetDowntimes() {
      for (const { part, backend, measuredMs } of await allDowntimes(deployment))
        before.set(`${part}/${backend}`, measuredMs)
    },
    async downtimes() {
      const all = await allDowntimes(deployment)
      return all.map((one) => ({
        ...one,
        measuredMs: one.measuredMs - (before.get(`${one.part}/${one.backend}`) ?? 0),
      }))
    },
  }
}

async function allDowntimes({ parts }: Deployment) {
  const states = (await Promise.all(parts.map(askPart))).filter((state) => state !== null)
  return states.flatMap(({ part, backends }) =>
    backends.map(({ name, downtimeMs }) => ({ part, backend: name, measuredMs: downtimeMs })),
  )
}
