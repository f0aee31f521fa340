// The cache role as a process: builds its adapters from the configuration and hands them to the flow.
import { type FileAccessLog, openAccessLog } from '../adapters/access-log.ts'
import { nodeDigests } from '../adapters/digests.ts'
import { openDiskStore } from '../adapters/disk-store.ts'
import { createResolver } from '../adapters/dns-resolver.ts'
import { createHttpOrigin, type HttpOrigin } from '../adapters/http-origin.ts'
import { startHttpServer } from '../adapters/http-server.ts'
import { createMemoryStore } from '../adapters/memory-store.ts'
import { nodeClock, nodeRandom } from '../adapters/node-clock.ts'
import { createLog } from '../adapters/node-log.ts'
import { createSignatures } from '../adapters/signatures.ts'
import { createTieredStore } from '../adapters/tiered-store.ts'
import { createCacheAdmin } from '../admin/cache-admin.ts'
import { withHealthCheck } from '../admin/health.ts'
import { type Cache, createCache } from '../cache/handle.ts'
import { keyPairs } from '../config/authorisation-config.ts'
import {
  type CacheFile,
  cacheOptions,
  cacheSchema,
  diskOptions,
  memoryOptions,
  originOptions,
} from '../config/cache-config.ts'
import { readConfig } from '../config/file.ts'
import type { BodyStore, Log } from '../ports.ts'
import { type RunningRole, readyLine } from './role.ts'

/** What a configuration file decides and a reload replaces; the store and the listening socket stay. */
interface Setup {
  readonly cache: Cache
  readonly origins: readonly HttpOrigin[]
  readonly accessLog: FileAccessLog | null
}

export async function startCache(configFile: string): Promise<RunningRole> {
  const file = readConfig(configFile, cacheSchema)
  const log = createLog('cache', 'info')
  const memory = createMemoryStore(memoryOptions(file))
  const store = createTieredStore(memory, await openDiskStore(diskOptions(file), { clock: nodeClock, log }))
  let setup = assemble(file, store, log)
  const server = await startHttpServer({
    ...file.listen,
    handler: withHealthCheck(setup.cache.handle),
    clock: nodeClock,
    log,
  })
  const handler = createCacheAdmin({ cache: () => setup.cache, store })
  const admin =
    file.admin && (await startHttpServer({ ...file.admin.listen, handler, clock: nodeClock, log }))
  return {
    readyLine: readyLine('cache', server.address, admin?.address),
    async reload() {
      try {
        const old = setup
        setup = assemble(readConfig(configFile, cacheSchema), store, log)
        server.use(withHealthCheck(setup.cache.handle))
        log.info('the new configuration is in force')
        await retire(old)
      } catch (error) {
        log.error('the configuration was not taken; the old one stays in force', { because: String(error) })
      }
    },
    async drain() {
      await server.drain(file.drain)
      await admin?.close()
      await retire(setup)
      await store.close()
    },
  }
}

function assemble(file: CacheFile, store: BodyStore, log: Log): Setup {
  const resolver = createResolver({ nameservers: file.nameservers, holdMs: file.hold_valid }, nodeClock, log)
  const origins = originOptions(file).map((options) => createHttpOrigin(options, resolver, nodeClock))
  const accessLog = file.access_log === null ? null : openAccessLog(file.access_log, log)
  const cache = createCache(cacheOptions(file), {
    store,
    origins,
    clock: nodeClock,
    random: nodeRandom,
    log,
    signatures: createSignatures(keyPairs(file.authorisation), { region: file.region, service: 's3' }),
    digests: nodeDigests,
    accessLog,
  })
  return { cache, origins, accessLog }
}

/** Lets what is under way end, then closes its connections. */
async function retire({ cache, origins, accessLog }: Setup): Promise<void> {
  await cache.drain()
  await Promise.all(origins.map((origin) => origin.close()))
  await accessLog?.close()
}
