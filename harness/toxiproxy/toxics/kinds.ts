// All kinds of toxics, by the name the API gives them.
import { bandwidth } from './bandwidth.ts'
import { corrupt } from './corrupt.ts'
import { latency } from './latency.ts'
import { limitData } from './limit-data.ts'
import { noop } from './noop.ts'
import { resetPeer } from './reset-peer.ts'
import { slicer } from './slicer.ts'
import { slowClose } from './slow-close.ts'
import { timeout } from './timeout.ts'
import type { ToxicKind } from './toxic.ts'

export const kinds: ReadonlyMap<string, ToxicKind> = new Map<string, ToxicKind>([
  ['bandwidth', bandwidth],
  ['corrupt', corrupt],
  ['latency', latency],
  ['limit_data', limitData],
  ['noop', noop],
  ['reset_peer', resetPeer],
  ['slicer', slicer],
  ['slow_close', slowClose],
  ['timeout', timeout],
])
