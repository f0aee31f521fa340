// The configuration file of `both`: the sections `cache` and `router`, each as in a file of its own. Clients talk to the
// router alone, so the cache listens nowhere; it is the router's first server, named `cache`.
import { z } from 'zod'
import { cacheSchema } from './cache-config.ts'
import { type RouterFile, routerSchema, serverSchema } from './router-config.ts'

export const localCacheName = 'cache'

export const bothSchema = z.strictObject({
  cache: cacheSchema.omit({ listen: true }),
  router: routerSchema.refine(({ servers }) => servers.every(({ name }) => name !== localCacheName), {
    error: `\`${localCacheName}\` is the name of the cache in this process; give this server another one`,
    path: ['servers'],
  }),
})

/** The router's settings with the cache of this process as the first server. */
export function withLocalCache(file: RouterFile): RouterFile {
  const local = serverSchema.parse({ name: localCacheName, url: 'http://in-process' })
  return { ...file, servers: [local, ...file.servers] }
}
