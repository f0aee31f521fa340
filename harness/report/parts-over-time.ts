// What links carried and parts held or had to do, over time: gathered line by line, in bounded memory.
import type { HistoryLine, HoldingLine, LinkLine, LoadLine, StoreLine } from '../history/events.ts'
import { Series, type SeriesPoint } from './series.ts'

/** Bytes a second as a link saw them, headers and TLS included. */
export interface LinkOverTime {
  readonly link: string
  readonly towardsS3: readonly SeriesPoint[]
  readonly towardsClients: readonly SeriesPoint[]
}

export interface NamedSeries {
  readonly name: string
  readonly points: readonly SeriesPoint[]
}

/** Empty where no part told. */
export interface PartsOverTime {
  readonly links: readonly LinkOverTime[]
  /** Requests under way and waiting, by "part → backend". */
  readonly inFlight: readonly NamedSeries[]
  readonly waiting: readonly NamedSeries[]
  /** By part: open connections, bytes of memory, bytes in the store, evictions a second. */
  readonly connections: readonly NamedSeries[]
  readonly memory: readonly NamedSeries[]
  readonly stored: readonly NamedSeries[]
  readonly evictions: readonly NamedSeries[]
}

type LevelKind = 'inFlight' | 'waiting' | 'connections' | 'memory' | 'stored'

export class PartsRecorder {
  readonly #links = new Map<string, { up: Series; down: Series; atMs: number }>()
  readonly #levels = {
    inFlight: new Map<string, Series>(),
    waiting: new Map<string, Series>(),
    connections: new Map<string, Series>(),
    memory: new Map<string, Series>(),
    stored: new Map<string, Series>(),
  }
  readonly #evictions = new Map<string, { series: Series; atMs: number; count: number }>()

  add(line: HistoryLine): void {
    if (line.type === 'link') this.#addLink(line)
    else if (line.type === 'load') this.#addLoad(line)
    else if (line.type === 'holding') this.#addHolding(line)
    else if (line.type === 'store') this.#addStore(line)
  }

  snapshot(): PartsOverTime {
    const { inFlight, waiting, connections, memory, stored } = this.#levels
    return {
      links: [...this.#links].map(([link, { up, down }]) => ({
        link,
        towardsS3: up.points(),
        towardsClients: down.points(),
      })),
      inFlight: named(inFlight),
      waiting: named(waiting),
      connections: named(connections),
      memory: named(memory),
      stored: named(stored),
      evictions: [...this.#evictions].map(([name, { series }]) => ({ name, points: series.points() })),
    }
  }

  /** What the first reading brings was carried before anybody looked: it has no time of its own. */
  #addLink({ link, atMs, upstreamBytes, downstreamBytes }: LinkLine): void {
    const before = this.#links.get(link)
    const { up, down } = before ?? { up: new Series('amount'), down: new Series('amount') }
    this.#links.set(link, { up, down, atMs })
    if (before === undefined) return
    up.addOver(before.atMs, atMs, upstreamBytes)
    down.addOver(before.atMs, atMs, downstreamBytes)
  }

  #addLoad({ part, subject, atMs, inFlight, waiting }: LoadLine): void {
    this.#level('inFlight', `${part} → ${subject}`, atMs, inFlight)
    this.#level('waiting', `${part} → ${subject}`, atMs, waiting)
  }

  #addHolding({ part, atMs, rssBytes, connections }: HoldingLine): void {
    this.#level('memory', part, atMs, rssBytes)
    if (connections !== undefined) this.#level('connections', part, atMs, connections)
  }

  #addStore({ part, atMs, usedBytes, evictions }: StoreLine): void {
    this.#level('stored', part, atMs, usedBytes)
    const before = this.#evictions.get(part)
    const series = before?.series ?? new Series('amount')
    this.#evictions.set(part, { series, atMs, count: evictions })
    if (before === undefined) return
    // A part that was started again counts from 0.
    const since = evictions < before.count ? evictions : evictions - before.count
    series.addOver(before.atMs, atMs, since)
  }

  #level(kind: LevelKind, name: string, atMs: number, value: number): void {
    const series = this.#levels[kind].get(name) ?? new Series('level')
    this.#levels[kind].set(name, series)
    series.add(atMs, value)
  }
}

function named(series: ReadonlyMap<string, Series>): NamedSeries[] {
  return [...series].map(([name, one]) => ({ name, points: one.points() }))
}
