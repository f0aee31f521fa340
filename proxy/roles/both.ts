// Both roles in one process, for a small deployment and for development: the router asks the cache by a call, and S3
// itself when the cache is at a loss.
import { createLog } from '../adapters/node-log.ts'
import { bothSchema, localCacheName, withLocalCache } from '../config/both-config.ts'
import { readConfig } from '../config/file.ts'
import { openCache } from './cache.ts'
import { listen, listenForAdmin, type RunningRole, readyLine, reloaded } from './role.ts'
import { openRouter } from './router.ts'

export async function startBoth(configFile: string): Promise<RunningRole> {
  const file = readConfig(configFile, bothSchema)
  let drainMs = file.router.drain
  const log = createLog('both', 'info')
  const cache = await openCache(file.cache, log)
  const router = openRouter(withLocalCache(file.router), log, { [localCacheName]: cache.handler })
  const server = await listen(file.router.listen, router.handler, log)
  const admin = await listenForAdmin(file.router.admin, router.admin, log)
  const cacheAdmin = await listenForAdmin(file.cache.admin, cache.admin, log)
  return {
    readyLine: readyLine('both', server, admin, cacheAdmin),
    reload: () =>
      reloaded(log, () => {
        const changed = readConfig(configFile, bothSchema)
        const takes = [cache.prepare(changed.cache), router.prepare(withLocalCache(changed.router))]
        return async () => {
          drainMs = changed.router.drain
          await Promise.all(takes.map((take) => take()))
        }
      }),
    async drain() {
      await server.drain(drainMs)
      await Promise.all([admin?.close(), cacheAdmin?.close()])
      await router.close()
      await cache.close()
    },
  }
}
