// The router's memory of small hot objects: its settings and what they become.
import { z } from 'zod'
import type { MemoryStoreOptions } from '../adapters/store/options.ts'
import { cacheDefaults } from '../cache/options.ts'
import { defaultBreaker } from '../policy/breaker.ts'
import type { MemoryTierOptions } from '../router/memory-tier.ts'
import { routerDefaults } from '../router/options.ts'
import { authorisationOptions, authorisationSchema } from './authorisation-config.ts'
import { duration, size } from './units.ts'

export const memorySchema = z.strictObject({
  max_size: size.default(64 * 1024 ** 2),
  max_object: size.default(64 * 1024),
  /** How long an object is served from here without asking a cache node. */
  valid: duration.default(60_000),
  /** Host names by which clients mean S3; the hosts of the backups when not given. */
  hosts: z.array(z.string()).optional(),
  authorisation: authorisationSchema.prefault({}),
})

export type MemoryFile = z.output<typeof memorySchema>

/** `backupUrls`: where S3 is, for the names by which clients mean it. */
export function memoryTierOptions(
  file: MemoryFile,
  backupUrls: readonly string[],
  deadlineMs: number,
): MemoryTierOptions {
  const hosts = file.hosts ?? backupUrls.map((url) => new URL(url).hostname)
  return {
    maxObjectBytes: file.max_object,
    cache: {
      ...cacheDefaults,
      name: routerDefaults.name,
      hosts: hosts.map((host) => host.toLowerCase()),
      valid: [{ prefix: '', status: 200, timeMs: file.valid }],
      useStale: ['error', 'timeout', 'http_502', 'http_503', 'http_504'],
      deadlineMs,
      breaker: defaultBreaker,
      authorisation: authorisationOptions(file.authorisation),
    },
  }
}

export function memoryStoreOptions(file: MemoryFile): MemoryStoreOptions {
  return { maxBytes: file.max_size, maxObjectBytes: file.max_object, eviction: 's3-fifo' }
}
