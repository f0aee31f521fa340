// Data passes at once; the close comes `delay` ms after the sender's.
import { close, deliver, type ToxicKind } from './toxic.ts'

export const slowClose: ToxicKind<{ delay: number }> = {
  goType: 'SlowCloseToxic',
  fields: { delay: { type: 'int64' } },
  buffer: 1,
  start: (toxic) => ({
    take: (chunk, nowMs) => [deliver(chunk, nowMs)],
    end: (nowMs) => close(nowMs + toxic.attributes.delay),
  }),
}
