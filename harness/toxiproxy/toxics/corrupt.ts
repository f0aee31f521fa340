// Flips one bit in about every `every` bytes of the stream (0: none). Which ones depends on the seed and the place
// in the stream alone, not on how the stream came in chunks. Of breakwater only.
import { type Behaviour, close, deliver, type Random, type Toxic, type ToxicKind } from './toxic.ts'

type CorruptAttributes = { every: number }

/** Bytes to the next flipped bit: exponential, so that flips are independent of each other. */
const gap = (every: number, random: Random) => Math.floor(-Math.log(1 - random()) * every)

function start(toxic: Toxic<CorruptAttributes>, random: Random): Behaviour {
  let toNext = gap(toxic.attributes.every, random)
  const flip = (bytes: Uint8Array): Uint8Array => {
    if (toNext >= bytes.length) {
      toNext -= bytes.length
      return bytes
    }
    const copy = Uint8Array.from(bytes)
    let at = toNext
    for (; at < copy.length; at += 1 + gap(toxic.attributes.every, random)) {
      copy[at]! ^= 1 << Math.floor(random() * 8)
    }
    toNext = at - copy.length
    return copy
  }
  return {
    take({ bytes, receivedMs }, nowMs) {
      const bad = toxic.attributes.every > 0 ? flip(bytes) : bytes
      return [deliver({ bytes: bad, receivedMs }, nowMs)]
    },
    end: close,
    restart() {
      toNext = gap(toxic.attributes.every, random)
    },
  }
}

export const corrupt: ToxicKind<CorruptAttributes> = {
  goType: 'CorruptToxic',
  fields: { every: { type: 'int64' } },
  buffer: 1,
  extension: true,
  start,
}
