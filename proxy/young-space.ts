// Imported before everything else by the processes that carry bodies. Bodies pass through buffers outside of V8's heap,
// which are freed only when young objects are collected: a young space that never grows is collected often, and a herd on
// one large object then costs a third less memory and time (proxy/cache/herd.test.ts holds the bound).
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--semi-space-growth-factor=1')
