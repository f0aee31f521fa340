// The cache role as a process: builds its adapters from the configuration and hands them to the flow.
import { type FileAccessLog, openAccessLog } from '../adapters/access-log.ts'
import { nodeDigests } from '../adapters/digests.ts'
import { openDiskStore } from '../adapters/disk-store.ts'
import { createHttpOrigin, type HttpOrigin } from '../adapters/http-origin.ts'
import { createMemoryStore } from '../adapters/memory-store.ts'
import { nodeClock, nodeRandom } from '../adapters/node-clock.ts'
import { createLog } from '../adapters/node-log.ts'
import { createSignatures } from '../adapters/signatures.ts'
import { createTieredStore } from '../adapters/tiered-store.ts'
import { createCacheAdmin } from '../admin/cache-admin.ts'
import { withHealthCheck } from '../admin/health.ts'
import { type Cache, createCache } from '../cache/handle.ts'
import { Totals } from '../cache/totals.ts'
import { keyPairs } from '../config/authorisation-config.ts'
import {
  type CacheSettings,
  cacheOptions,
  cacheSchema,
  diskOptions,
  memoryOptions,
  originOptions,
} from '../config/cache-config.ts'
import { readConfig } from '../config/file.ts'
import type { BodyStore, Log } from '../ports.ts'
import { type Names, namesFor } from './names.ts'
import { listen, listenForAdmin, type Role, type RunningRole, readyLine, reloaded } from './role.ts'

/** What a configuration file decides and a reload replaces; the store and the listening socket stay. */
interface Setup {
  readonly cache: Cache
  readonly origins: readonly HttpOrigin[]
  readonly names: Names
  readonly accessLog: FileAccessLog | null
}

export async function startCache(configFile: string): Promise<RunningRole> {
  const file = readConfig(configFile, cacheSchema)
  let drainMs = file.drain
  const log = createLog('cache', 'info')
  const role = await openCache(file, log)
  const server = await listen(file.listen, role.handler, log)
  const admin = await listenForAdmin(file.admin, role.admin, log)
  return {
    readyLine: readyLine('cache', server, admin),
    reload: () =>
      reloaded(log, () => {
        const changed = readConfig(configFile, cacheSchema)
        const take = role.prepare(changed)
        return () => {
          drainMs = changed.drain
          return take()
        }
      }),
    async drain() {
      await server.drain(drainMs)
      await admin?.close()
      await role.close()
    },
  }
}

export async function openCache(file: CacheSettings, log: Log): Promise<Role<CacheSettings>> {
  const memory = createMemoryStore(memoryOptions(file))
  const store = createTieredStore(memory, await openDiskStore(diskOptions(file), { clock: nodeClock, log }))
  const totals = new Totals()
  let setup = assemble(file, store, totals, log, null)
  return {
    handler: withHealthCheck((request) => setup.cache.handle(request)),
    admin: createCacheAdmin({ cache: () => setup.cache, store }),
    prepare(settings) {
      const old = setup
      const next = assemble(settings, store, totals, log, old.names)
      return () => {
        setup = next
        return retire(old)
      }
    },
    async close() {
      await retire(setup)
      await store.close()
    },
  }
}

function assemble(
  file: CacheSettings,
  store: BodyStore,
  totals: Totals,
  log: Log,
  previous: Names | null,
): Setup {
  const names = namesFor(file, log, previous)
  const origins = originOptions(file).map((options) => {
    const addresses = names.addressesOf(options)
    const origin = createHttpOrigin({ ...options, addresses }, names.resolver, nodeClock)
    return { ...origin, addresses: () => addresses.states() }
  })
  const accessLog = file.access_log === null ? null : openAccessLog(file.access_log, log)
  const ports = {
    store,
    origins,
    clock: nodeClock,
    random: nodeRandom,
    log,
    signatures: createSignatures(keyPairs(file.authorisation), { region: file.region, service: 's3' }),
    digests: nodeDigests,
    accessLog,
  }
  const cache = createCache(cacheOptions(file), ports, totals)
  return { cache, origins, names, accessLog }
}

/** Lets what is under way end, then closes its connections. */
async function retire({ cache, origins, accessLog }: Setup): Promise<void> {
  await cache.drain()
  await Promise.all(origins.map((origin) => origin.close()))
  await accessLog?.close()
}
