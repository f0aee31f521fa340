// Lets exactly `bytes` through, counted by connection and across changes of the toxic, then closes.
import { type Behaviour, close, deliver, type Toxic, type ToxicKind } from './toxic.ts'

type LimitDataAttributes = { bytes: number }

function start(toxic: Toxic<LimitDataAttributes>): Behaviour {
  let passed = 0
  return {
    take({ bytes, receivedMs }, nowMs) {
      const allowed = Math.max(0, toxic.attributes.bytes - passed)
      const kept = bytes.subarray(0, allowed)
      passed += kept.length
      const piece = kept.length > 0 ? [deliver({ bytes: kept, receivedMs }, nowMs)] : []
      return passed >= toxic.attributes.bytes ? [...piece, close(nowMs)] : piece
    },
    end: close,
  }
}

export const limitData: ToxicKind<LimitDataAttributes> = {
  goType: 'LimitDataToxic',
  fields: { bytes: { type: 'int64' } },
  buffer: 1,
  start,
}
