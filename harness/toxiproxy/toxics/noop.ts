// Passes everything on at once. Also what a toxic does on a connection that its toxicity spared.
import { type Behaviour, close, deliver, type ToxicKind } from './toxic.ts'

export const passOn: Behaviour = {
  take: (chunk, nowMs) => [deliver(chunk, nowMs)],
  end: close,
}

export const noop: ToxicKind = { goType: 'NoopToxic', fields: {}, buffer: 1, start: () => passOn }
