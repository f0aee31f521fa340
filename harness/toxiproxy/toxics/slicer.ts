// Cuts chunks into slices of about `average_size` ± `size_variation` bytes, with `delay` µs after each slice.
import {
  type Behaviour,
  close,
  deliver,
  type Random,
  type Release,
  type Toxic,
  type ToxicKind,
} from './toxic.ts'

type SlicerAttributes = { average_size: number; size_variation: number; delay: number }

/** Where slices of [start, end) end: halved, give or take the variation, until a piece is near the average. */
function cuts(start: number, end: number, attributes: SlicerAttributes, random: Random): number[] {
  const { average_size: average, size_variation: variation } = attributes
  if (end - start - average <= variation) return [end]
  const wander = variation > 0 ? Math.floor(random() * 2 * variation) - variation : 0
  const middle = start + Math.floor((end - start) / 2) + wander
  const cut = Math.min(Math.max(middle, start + 1), end - 1)
  return [...cuts(start, cut, attributes, random), ...cuts(cut, end, attributes, random)]
}

function start(toxic: Toxic<SlicerAttributes>, random: Random): Behaviour {
  let freeAtMs = 0
  return {
    take({ bytes, receivedMs }, nowMs) {
      const releases: Release[] = []
      freeAtMs = Math.max(freeAtMs, nowMs)
      let from = 0
      for (const to of cuts(0, bytes.length, toxic.attributes, random)) {
        releases.push(deliver({ bytes: bytes.subarray(from, to), receivedMs }, freeAtMs))
        freeAtMs += toxic.attributes.delay / 1000
        from = to
      }
      return releases
    },
    end: (nowMs) => close(Math.max(freeAtMs, nowMs)),
    restart(nowMs) {
      freeAtMs = nowMs
    },
  }
}

export const slicer: ToxicKind<SlicerAttributes> = {
  goType: 'SlicerToxic',
  fields: { average_size: { type: 'int' }, size_variation: { type: 'int' }, delay: { type: 'int' } },
  buffer: 1,
  // Toxiproxy accepts these and dies of endless recursion or a slice out of range at the first chunk.
  refuse({ average_size: average, size_variation: variation }) {
    if (average < 1) return `average_size must be at least 1, got ${average}`
    if (variation >= average) return `size_variation must be less than average_size, got ${variation}`
  },
  start,
}
