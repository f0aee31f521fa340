// The router role as a process: builds its adapters from the configuration and hands them to the flow.
import { createConnector } from '../adapters/connector.ts'
import { nodeDigests } from '../adapters/digests.ts'
import { createHandlerOrigin } from '../adapters/handler-origin.ts'
import { createHttpOrigin, type HttpOrigin } from '../adapters/http-origin.ts'
import { createMemoryStore } from '../adapters/memory-store.ts'
import { nodeClock, nodeRandom } from '../adapters/node-clock.ts'
import { createLog } from '../adapters/node-log.ts'
import { createSignatures } from '../adapters/signatures.ts'
import { createRouterAdmin } from '../admin/router-admin.ts'
import { createTiming } from '../admin/timing.ts'
import { keyPairs } from '../config/authorisation-config.ts'
import { readConfig } from '../config/file.ts'
import { memoryStoreOptions, memoryTierOptions } from '../config/memory-config.ts'
import { adminToken, type RouterFile, routerOptions, routerSchema } from '../config/router-config.ts'
import type { Handler } from '../object.ts'
import type { Log } from '../ports.ts'
import { MemoryTier } from '../router/memory-tier.ts'
import type { ServerOptions } from '../router/options.ts'
import { createRouter, type Router } from '../router/route.ts'
import { type Names, namesFor } from './names.ts'
import { listen, listenForAdmin, type Role, type RunningRole, readyLine, reloaded } from './role.ts'

/** What a configuration file decides and a reload replaces; the listening sockets stay. */
interface Setup {
  readonly router: Router
  /** The router's own, or that of the memory in front of it. */
  readonly handler: Handler
  readonly origins: readonly HttpOrigin[]
  readonly names: Names
}

type LocalServers = Readonly<Record<string, Handler>>

/** Checks need few connections of their own. */
const checkConnections = 2

export async function startRouter(configFile: string): Promise<RunningRole> {
  const file = readConfig(configFile, routerSchema)
  let drainMs = file.drain
  const log = createLog('router', 'info')
  const role = openRouter(file, log)
  const server = await listen(file.listen, role.handler, log)
  const admin = await listenForAdmin(file.admin, role.admin, log)
  return {
    readyLine: readyLine('router', server, admin),
    reload: () =>
      reloaded(log, () => {
        const changed = readConfig(configFile, routerSchema)
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

/** `local`: roles of this process that stand for servers, by the server's name. Checks begin at once. */
export function openRouter(file: RouterFile, log: Log, local: LocalServers = {}): Role<RouterFile> {
  let setup = assemble(file, log, local, null)
  setup.router.start()
  return {
    handler: (request) => setup.handler(request),
    admin: createRouterAdmin({ router: () => setup.router, clock: nodeClock, token: adminToken(file) }),
    prepare(settings) {
      const old = setup
      const next = assemble(settings, log, local, old)
      return async () => {
        setup = next
        old.router.close()
        next.router.start()
        closeOnceIdle(old)
      }
    },
    async close() {
      setup.router.close()
      await Promise.all(setup.origins.map((origin) => origin.close()))
    },
  }
}

function assemble(file: RouterFile, log: Log, local: LocalServers, previous: Setup | null): Setup {
  const names = namesFor(file, log, previous?.names ?? null)
  const { resolver } = names
  const origins: HttpOrigin[] = []
  const connector = (server: ServerOptions) => ({
    ...server,
    ...server.timeouts,
    addresses: names.addressesOf(server),
  })
  const router = createRouter(
    routerOptions(file),
    {
      clock: nodeClock,
      random: nodeRandom,
      log,
      digests: file.verify_digest ? nodeDigests : null,
      timing: () => createTiming(nodeClock),
      open(server, use) {
        const handler = local[server.name]
        if (handler) return createHandlerOrigin(server.name, handler, server.timeouts.firstByteMs, nodeClock)
        const maxConnections = use === 'check' ? checkConnections : server.maxConnections
        const options = { ...connector(server), maxConnections }
        const origin = createHttpOrigin(options, resolver, nodeClock)
        origins.push(origin)
        return { ...origin, addresses: () => options.addresses.states() }
      },
      async connect(server) {
        if (local[server.name]) return
        const socket = await createConnector(connector(server), resolver, nodeClock)()
        socket.destroy()
      },
    },
    previous?.router,
  )
  return { router, handler: withMemory(router, file, log), origins, names }
}

/** A reload begins with an empty memory: its rules may have changed. */
function withMemory(router: Router, file: RouterFile, log: Log): Handler {
  if (file.memory === null) return router.handle
  const backupUrls = file.servers.filter(({ backup }) => backup).map(({ url }) => url)
  const keys = keyPairs(file.memory.authorisation)
  const tier = new MemoryTier(router, memoryTierOptions(file.memory, backupUrls, file.deadline), {
    store: createMemoryStore(memoryStoreOptions(file.memory)),
    clock: nodeClock,
    random: nodeRandom,
    log,
    signatures: createSignatures(keys, { region: file.region, service: 's3' }),
    digests: nodeDigests,
  })
  return tier.handle
}

const idleLookMs = 1000

/** Requests under way still use the old connections, for as long as they take; between two of its servers one uses none. */
function closeOnceIdle(setup: Setup, wasIdle = false): void {
  const isIdle = setup.router.fleet.backends.every(({ inFlight, gate }) => inFlight + gate.queued === 0)
  if (isIdle && wasIdle) for (const origin of setup.origins) void origin.close()
  else nodeClock.after(idleLookMs, () => closeOnceIdle(setup, isIdle))
}
