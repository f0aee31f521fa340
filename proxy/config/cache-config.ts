// The cache role's configuration file: its settings, their defaults, and what they become.
import { z } from 'zod'
import type { HttpOriginOptions } from '../adapters/http-origin.ts'
import type { DiskStoreOptions, MemoryStoreOptions } from '../adapters/store/options.ts'
import { type CacheOptions, cacheDefaults } from '../cache/options.ts'
import { defaultBreaker } from '../policy/breaker.ts'
import type { ValidRule } from '../policy/freshness.ts'
import { staleConditions } from '../policy/stale.ts'
import { authorisationOptions, authorisationSchema, prefix } from './authorisation-config.ts'
import { duration, httpUrl, listenAddress, nameserver, positiveInteger, size } from './units.ts'

/** An S3 and how it is reached. */
const originSchema = z.strictObject({
  url: httpUrl,
  ca: z.string().nullable().default(null),
  server_name: z.string().nullable().default(null),
  connect_timeout: duration.default(300),
  first_byte_timeout: duration.default(500),
  between_bytes_timeout: duration.default(2000),
  max_connections: positiveInteger.default(cacheDefaults.originRequests),
})

const validSchema = z.strictObject({
  prefix: prefix.default(''),
  status: z.array(z.int().min(200).max(499)).min(1).default([200]),
  time: duration,
})

export const cacheSchema = z.strictObject({
  listen: listenAddress,
  origin: originSchema,
  /** Asked when `origin` fails: the same objects elsewhere. */
  backups: z.array(originSchema).default([]),
  nameservers: z.array(nameserver).default([]),
  hold_valid: duration.default(300_000),
  /** Host names by which clients mean the origin; the host of `origin.url` when not given. */
  hosts: z.array(z.string()).optional(),
  region: z.string().default('us-east-1'),
  store: z.strictObject({
    path: z.string(),
    max_size: size,
    max_entries: positiveInteger.default(10_000_000),
    max_object: size.default(5 * 1024 ** 3),
    inactive: duration.default(30 * 86_400_000),
    min_uses: positiveInteger.default(1),
    eviction: z.enum(['s3-fifo', 'lru', 'sieve']).default('s3-fifo'),
    retry: duration.default(5000),
    faults_file: z.string().nullable().default(null),
  }),
  memory: z
    .strictObject({ max_size: size.default(256 * 1024 ** 2), max_object: size.default(1024 ** 2) })
    .prefault({}),
  freshness: z
    .strictObject({
      profile: z.enum(['s3', 'rfc9111']).default(cacheDefaults.profile),
      valid: z.array(validSchema).min(1),
    })
    .prefault({ valid: [{ time: '30d' }] }),
  use_stale: z.array(z.enum(staleConditions)).default(cacheDefaults.useStale),
  deadline: duration.default(cacheDefaults.deadlineMs),
  write_timeout: duration.default(cacheDefaults.writeTimeoutMs),
  recovery_jitter: duration.default(cacheDefaults.recoveryJitterMs),
  breaker: z
    .strictObject({
      failures: positiveInteger.default(defaultBreaker.deadCalls),
      slow: z.int().nonnegative().default(defaultBreaker.slowCalls),
      slow_time: duration.default(defaultBreaker.slowMs),
      open_time: duration.default(500),
    })
    .prefault({}),
  fill: z
    .strictObject({
      resumes: z.int().nonnegative().default(cacheDefaults.fill.resumes),
      /** A fill that everybody left goes on when this little is missing, or this share is there. */
      finish_size: size.default(cacheDefaults.fill.finishBytes),
      finish_ratio: z.number().min(0).max(1).default(cacheDefaults.fill.finishRatio),
      keep_prefix: duration.default(cacheDefaults.fill.prefixKeepMs),
      range_window: size.default(cacheDefaults.fill.rangeWindowBytes),
      hit_for_miss: duration.default(cacheDefaults.fill.hitForMissMs),
      verify_digest: z.boolean().default(cacheDefaults.fill.verifyDigest),
    })
    .prefault({}),
  authorisation: authorisationSchema.prefault({}),
  access_log: z.string().nullable().default(null),
  admin: z.strictObject({ listen: listenAddress }).nullable().default(null),
  drain: duration.default(30_000),
})

export type CacheFile = z.output<typeof cacheSchema>
/** All but where it listens. */
export type CacheSettings = Omit<CacheFile, 'listen'>

/** What the flow is told. */
export function cacheOptions(file: CacheSettings): CacheOptions {
  const { breaker, fill } = file
  return {
    name: cacheDefaults.name,
    hosts: (file.hosts ?? [new URL(file.origin.url).hostname]).map((host) => host.toLowerCase()),
    profile: file.freshness.profile,
    valid: file.freshness.valid.flatMap(rulesOf),
    useStale: file.use_stale,
    deadlineMs: file.deadline,
    writeTimeoutMs: file.write_timeout,
    originRequests: file.origin.max_connections,
    breaker: {
      deadCalls: breaker.failures,
      slowCalls: breaker.slow,
      slowMs: breaker.slow_time,
      openMs: breaker.open_time,
    },
    fill: {
      resumes: fill.resumes,
      finishBytes: fill.finish_size,
      finishRatio: fill.finish_ratio,
      prefixKeepMs: fill.keep_prefix,
      rangeWindowBytes: fill.range_window,
      hitForMissMs: fill.hit_for_miss,
      verifyDigest: fill.verify_digest,
    },
    recoveryJitterMs: file.recovery_jitter,
    authorisation: authorisationOptions(file.authorisation),
  }
}

function rulesOf({ prefix, status, time }: CacheFile['freshness']['valid'][number]): ValidRule[] {
  return status.map((one) => ({ prefix, status: one, timeMs: time }))
}

/** The origins in the order in which they are asked. */
export function originOptions(file: CacheSettings): HttpOriginOptions[] {
  return [file.origin, ...file.backups].map((origin, i) => ({
    name: i === 0 ? 'origin' : `origin-backup-${i}`,
    url: origin.url,
    ca: origin.ca,
    serverName: origin.server_name,
    connectMs: origin.connect_timeout,
    firstByteMs: origin.first_byte_timeout,
    betweenBytesMs: origin.between_bytes_timeout,
    maxConnections: origin.max_connections,
  }))
}

export function diskOptions({ store }: CacheSettings): DiskStoreOptions {
  return {
    path: store.path,
    maxBytes: store.max_size,
    maxEntries: store.max_entries,
    maxObjectBytes: Math.min(store.max_object, store.max_size),
    inactiveMs: store.inactive,
    minUses: store.min_uses,
    eviction: store.eviction,
    retryMs: store.retry,
    faultsFile: store.faults_file,
  }
}

export function memoryOptions({ memory, store }: CacheSettings): MemoryStoreOptions {
  return { maxBytes: memory.max_size, maxObjectBytes: memory.max_object, eviction: store.eviction }
}
