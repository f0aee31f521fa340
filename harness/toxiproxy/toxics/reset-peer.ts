// Resets the connection `timeout` ms after the first data (or close) in its direction; all data is dropped.
import type { Release, ToxicKind } from './toxic.ts'

export const resetPeer: ToxicKind<{ timeout: number }> = {
  goType: 'ResetToxic',
  fields: { timeout: { type: 'int64' } },
  buffer: 1,
  start(toxic) {
    const reset = (nowMs: number): Release => ({ kind: 'reset', atMs: nowMs + toxic.attributes.timeout })
    return { take: (_chunk, nowMs) => [reset(nowMs)], end: reset }
  },
}
