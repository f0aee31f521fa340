// What the parts of a system say of themselves on their own pages: our router's and cache's /state, HAProxy's CSV.
import { parse as parseCsv } from 'csv-parse/sync'
import type { SystemPart } from '../systems/part.ts'
import type { PartDescription } from '../systems/system.ts'

/** What a page tells; what it says nothing of is empty or null. */
export interface PartState {
  readonly part: string
  readonly backends: readonly BackendState[]
  /** Of a cache, by the name of the origin. */
  readonly breakers: readonly { readonly origin: string; readonly state: string; readonly because: string }[]
  readonly loads: readonly BackendLoad[]
  readonly store: StoreState | null
}

export interface BackendState {
  readonly name: string
  readonly state: string
  readonly because: string
  readonly downtimeMs: number
}

/** Requests on their way to a backend or an origin, and those that wait for their turn. */
export interface BackendLoad {
  readonly name: string
  readonly inFlight: number
  readonly waiting: number
}

export interface StoreState {
  readonly usedBytes: number
  readonly entries: number
  /** Since the part started. */
  readonly evictions: number
}

const answerWithinMs = 400

/** Null when the part has no such page, or does not answer (killed, frozen). Rejects when the page makes no sense. */
export async function askPart(part: Asked): Promise<PartState | null> {
  const { observe } = part.description
  if (observe === undefined) return null
  const text = await fetchText(part.fill('state' in observe ? observe.state : observe.haproxy_csv))
  if (text === null) return null
  return { part: part.name, ...('state' in observe ? ownState(text) : haproxyState(text)) }
}

interface Asked extends Pick<SystemPart, 'name' | 'fill'> {
  readonly description: Pick<PartDescription, 'observe'>
}

async function fetchText(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs) })
    return await response.text()
  } catch {
    return null
  }
}

/** A router has backends, a cache origins and a store. */
interface OwnState {
  readonly backends?: readonly (BackendState & { readonly inFlight?: number; readonly queued?: number })[]
  readonly origins?: readonly {
    readonly name: string
    readonly breaker: { readonly kind: string; readonly because?: string }
    readonly turns: { readonly inFlight: number; readonly waiting: number }
  }[]
  readonly store?: StoreState
}

function ownState(text: string): Omit<PartState, 'part'> {
  const { backends = [], origins = [], store } = JSON.parse(text) as OwnState
  return {
    backends: backends.map(({ name, state, because, downtimeMs }) => ({ name, state, because, downtimeMs })),
    breakers: origins.map(({ name, breaker: { kind, because = '' } }) => ({
      origin: name,
      state: kind,
      because,
    })),
    loads: [
      ...backends.flatMap(({ name, inFlight, queued }) => loadOf(name, inFlight, queued)),
      ...origins.flatMap(({ name, turns }) => loadOf(name, turns.inFlight, turns.waiting)),
    ],
    store: store ? { usedBytes: store.usedBytes, entries: store.entries, evictions: store.evictions } : null,
  }
}

function haproxyState(text: string): Omit<PartState, 'part'> {
  const rows: Record<string, string>[] = parseCsv(text.replace(/^# /, ''), {
    columns: true,
    relax_column_count: true,
  })
  const servers = rows.filter((row) => row.svname !== 'FRONTEND' && row.svname !== 'BACKEND')
  return {
    backends: servers.map((row) => ({
      name: row.svname!,
      state: row.status!.toLowerCase().split(' ')[0]!,
      because: [row.check_status, row.last_chk].filter(Boolean).join(' '),
      downtimeMs: Number(row.downtime ?? 0) * 1000,
    })),
    breakers: [],
    loads: servers.flatMap((row) => loadOf(row.svname!, numberIn(row.scur), numberIn(row.qcur))),
    store: null,
  }
}

/** None when the page leaves either out. */
function loadOf(name: string, inFlight: number | undefined, waiting: number | undefined): BackendLoad[] {
  return inFlight === undefined || waiting === undefined ? [] : [{ name, inFlight, waiting }]
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text)
}
