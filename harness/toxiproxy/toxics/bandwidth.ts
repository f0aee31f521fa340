// Lets `rate` KB (1000 bytes) a second through, by connection and direction or, with `scope: "proxy"`, for all
// connections of the proxy together, as S3 throttles a client. A chunk is held for as long as it would take on a
// line of that rate and then sent whole; one that takes longer than 100 ms is cut into pieces of 100 ms.
// Nothing is saved up while the line is idle. Rate 0 stalls without loss.
import {
  type Behaviour,
  type Chunk,
  close,
  deliver,
  type Release,
  type Toxic,
  type ToxicKind,
} from './toxic.ts'

type BandwidthAttributes = { rate: number; scope?: string }

const pieceMs = 100

/** A line is free again from `freeAtMs` on. */
interface Line {
  freeAtMs: number
}

/** Cuts a chunk into pieces, each leaving when its last byte has gone over the line. `rate` is bytes per ms. */
function* pieces({ bytes, receivedMs }: Chunk, rate: number, line: Line): Generator<Release> {
  const pieceBytes = rate * pieceMs
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = bytes.subarray(start, start + pieceBytes)
    line.freeAtMs += piece.length / rate
    yield deliver({ bytes: piece, receivedMs }, line.freeAtMs)
  }
}

function start(toxic: Toxic<BandwidthAttributes>): Behaviour {
  const own: Line = { freeAtMs: 0 }
  return {
    take(chunk, nowMs) {
      const { rate, scope } = toxic.attributes
      if (rate <= 0) return [deliver(chunk, Number.POSITIVE_INFINITY)]
      const line = scope === 'proxy' ? toxic.shared : own
      line.freeAtMs = Math.max(line.freeAtMs, nowMs)
      return [...pieces(chunk, rate, line)]
    },
    end: close,
    restart(nowMs) {
      own.freeAtMs = nowMs
    },
  }
}

export const bandwidth: ToxicKind<BandwidthAttributes> = {
  goType: 'BandwidthToxic',
  fields: { rate: { type: 'int64' }, scope: { type: 'word', words: ['connection', 'proxy'] } },
  buffer: 1,
  start,
}
