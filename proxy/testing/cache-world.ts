// A cache between an origin and a store in memory, on a virtual clock: what a test of the cache's flow starts from.
import { type Cache, type CachePorts, createCache } from '../cache/handle.ts'
import { type CacheOptions, cacheDefaults } from '../cache/options.ts'
import { headerValue, type ProxyResponse } from '../object.ts'
import { collect, MemoryOrigin, patterned } from './memory-origin.ts'
import { MemoryBodyStore } from './memory-store.ts'
import { memoryLog, request, type TestRequest } from './requests.ts'
import { constantRandom, VirtualClock } from './virtual-clock.ts'

export const hourMs = 3_600_000

/** Objects are fresh for an hour; every failure may be covered with stale entries; nobody is asked for credentials. */
export const cacheOptions: CacheOptions = {
  ...cacheDefaults,
  hosts: ['s3.test'],
  valid: [{ prefix: '', status: 200, timeMs: hourMs }],
  deadlineMs: 800,
  breaker: { deadCalls: 5, slowCalls: 0, slowMs: 1000, openMs: 1000 },
  authorisation: { ...cacheDefaults.authorisation, mode: 'network', keys: [] },
}

/** An answer read to its end. */
export interface Read {
  readonly status: number
  readonly bytes: Uint8Array
  readonly word: string | undefined
  readonly cacheStatus: string
  readonly header: (name: string) => string | undefined
}

export interface CacheWorld {
  readonly cache: Cache
  readonly clock: VirtualClock
  readonly origin: MemoryOrigin
  readonly backup: MemoryOrigin
  readonly store: MemoryBodyStore
  readonly log: ReturnType<typeof memoryLog>
  /** Sends a request and reads the answer to its end, in virtual time. */
  read(target: string, more?: Parameters<typeof request>[1]): Promise<Read>
  /** Sends a request without waiting. */
  send(sent: TestRequest): Promise<ProxyResponse>
  request(target: string, more?: Parameters<typeof request>[1]): TestRequest
}

/** `withBackup`: the cache has a second origin to turn to. */
export function cacheWorld(
  options: Partial<CacheOptions> = {},
  { withBackup = false, ...ports }: { withBackup?: boolean } & Partial<CachePorts> = {},
): CacheWorld {
  const clock = new VirtualClock()
  const origin = new MemoryOrigin('s3', clock)
  const backup = new MemoryOrigin('s3-backup', clock)
  const store = new MemoryBodyStore()
  const log = memoryLog()
  const origins = withBackup ? [origin, backup] : [origin]
  const cache = createCache(
    { ...cacheOptions, ...options },
    {
      store,
      origins,
      clock,
      random: constantRandom(),
      log,
      signatures: null,
      digests: null,
      accessLog: null,
      ...ports,
    },
  )
  const make: CacheWorld['request'] = (target, more) =>
    request(target, { receivedMs: clock.monotonicMs(), ...more })
  const send: CacheWorld['send'] = async (sent) => cache.handle(sent)
  const read: CacheWorld['read'] = (target, more) => clock.until(send(make(target, more)).then(readAnswer))
  return { cache, clock, origin, backup, store, log, read, send, request: make }
}

/** The object of a `slowWorld`, its key, and the size of its chunks. */
export const slowPath = '/maps/app.js.map'
export const slowKey = 'maps/app.js.map'
export const chunkBytes = 16_384

/** A world whose object comes one chunk every 100 ms. */
export function slowWorld(chunks: number, options: Partial<CacheOptions> = {}, withBackup = false) {
  const world = cacheWorld(options, { withBackup })
  const bytes = patterned(chunks * chunkBytes)
  for (const origin of [world.origin, world.backup]) {
    origin.put(slowPath, bytes)
    origin.chunkDelayMs = 100
  }
  return { ...world, bytes }
}

export async function readAnswer(answer: ProxyResponse): Promise<Read> {
  const header = (name: string) => headerValue(answer.headers, name)
  const bytes = await collect(answer.body)
  return {
    status: answer.status,
    bytes,
    word: header('x-cache-status'),
    cacheStatus: header('cache-status') ?? '',
    header,
  }
}
