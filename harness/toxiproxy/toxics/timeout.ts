// Drops all data and closes once nothing has come in for `timeout` ms; with 0 it never closes by itself, which is
// a network that loses every packet. Removing it closes the connection: what it swallowed is gone.
import { type Behaviour, close, type Toxic, type ToxicKind } from './toxic.ts'

type TimeoutAttributes = { timeout: number }

function start(toxic: Toxic<TimeoutAttributes>, startedMs: number): Behaviour {
  let lastMs = startedMs
  return {
    take(_chunk, nowMs) {
      lastMs = nowMs
      return []
    },
    end: close,
    restart(nowMs) {
      lastMs = nowMs
    },
    get closesAtMs() {
      const { timeout } = toxic.attributes
      return timeout > 0 ? lastMs + timeout : Number.POSITIVE_INFINITY
    },
  }
}

export const timeout: ToxicKind<TimeoutAttributes> = {
  goType: 'TimeoutToxic',
  fields: { timeout: { type: 'int64' } },
  buffer: 1,
  closesOnRemoval: true,
  start: (toxic, _random, nowMs) => start(toxic, nowMs),
}
