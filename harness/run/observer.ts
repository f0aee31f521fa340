// Watches a deployment while a run goes on, twice a second, and turns what it sees into history lines:
// bytes on the links, what reached the origin, the states of the router's backends, what the parts hold.
import { setTimeout as sleep } from 'node:timers/promises'
import { parse as parseCsv } from 'csv-parse/sync'
import { messageOf } from '../errors.ts'
import type { HistoryLine } from '../history/events.ts'
import type { Deployment } from './deployment.ts'
import { holdingsOf } from './holdings.ts'

const intervalMs = 500

export interface Observer {
  /** Reads everything once more and stops. */
  stop(): Promise<void>
  /** From now on `downtimes` leaves out what has been recorded up to here. */
  forgetDowntimes(): Promise<void>
  /** Milliseconds of downtime that the system recorded for each backend, by "part/backend"; empty when it records none. */
  downtimes(): Promise<readonly { part: string; backend: string; measuredMs: number }[]>
}

interface BackendState {
  readonly name: string
  readonly state: string
  readonly because: string
  readonly downtimeMs: number
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

  const readStates = async () => {
    for (const { part, backends } of await backendStates(deployment)) {
      for (const backend of backends) {
        const subject = `${part}/${backend.name}`
        if (known.get(subject) === backend.state) continue
        known.set(subject, backend.state)
        emit({
          type: 'state',
          part,
          subject: backend.name,
          state: backend.state,
          because: backend.because,
          atMs: nowMs(),
        })
      }
    }
  }

  const readHoldings = async () => {
    await Promise.all(deployment.parts.map((part) => part.sampleUsage()))
    for (const holding of await holdingsOf(deployment.parts, watchStores)) {
      emit({ type: 'holding', ...holding, atMs: nowMs() })
    }
  }

  const readAll = async () => {
    await Promise.all([readLinks(), readOrigin(), readStates(), readHoldings()])
  }

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await readAll().catch((error) => {
        if (!stopping.signal.aborted) {
          emit({
            type: 'doubt',
            atMs: nowMs(),
            reason: `could not observe the deployment: ${messageOf(error)}`,
          })
          stopping.abort()
        }
      })
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()

  return {
    async stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      await loop
      await readAll()
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

async function allDowntimes(deployment: Deployment) {
  const states = await backendStates(deployment)
  return states.flatMap(({ part, backends }) =>
    backends.map(({ name, downtimeMs }) => ({ part, backend: name, measuredMs: downtimeMs })),
  )
}

/** What each observable part says of its backends; a part that doesn't answer (killed, frozen) says nothing. */
async function backendStates(deployment: Deployment): Promise<{ part: string; backends: BackendState[] }[]> {
  const states: { part: string; backends: BackendState[] }[] = []
  for (const part of deployment.parts) {
    const observe = part.description.observe
    if (!observe) continue
    const url = part.fill('state' in observe ? observe.state : observe.haproxy_csv)
    const text = await fetchText(url)
    if (text === null) continue
    states.push({ part: part.name, backends: 'state' in observe ? ownStates(text) : haproxyStates(text) })
  }
  return states
}

async function fetchText(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(400) })
    return await response.text()
  } catch {
    return null
  }
}

function ownStates(text: string): BackendState[] {
  const { backends } = JSON.parse(text) as { backends: BackendState[] }
  return backends.map(({ name, state, because, downtimeMs }) => ({ name, state, because, downtimeMs }))
}

function haproxyStates(text: string): BackendState[] {
  const rows: Record<string, string>[] = parseCsv(text.replace(/^# /, ''), {
    columns: true,
    relax_column_count: true,
  })
  return rows
    .filter((row) => row.svname !== 'FRONTEND' && row.svname !== 'BACKEND')
    .map((row) => ({
      name: row.svname!,
      state: row.status!.toLowerCase().split(' ')[0]!,
      because: [row.check_status, row.last_chk].filter(Boolean).join(' '),
      downtimeMs: Number(row.downtime ?? 0) * 1000,
    }))
}
