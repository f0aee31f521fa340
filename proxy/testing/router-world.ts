// A router on a virtual clock over origins in memory, for tests of its flow.
import { nodeDigests } from '../adapters/digests.ts'
import { createTiming } from '../admin/timing.ts'
import { ProxyError } from '../errors.ts'
import type { ProxyResponse } from '../object.ts'
import type { Backend } from '../router/backend.ts'
import { type RouterOptions, routerDefaults, type ServerOptions } from '../router/options.ts'
import { createRouter, type Router } from '../router/route.ts'
import { MemoryOrigin } from './memory-origin.ts'
import { memoryLog, request } from './requests.ts'
import { constantRandom, VirtualClock } from './virtual-clock.ts'

/** A server as the configuration would describe it. */
export function server(name: string, overrides: Partial<ServerOptions> = {}): ServerOptions {
  const { check, timeouts, maxConnections, warmConnections } = routerDefaults
  const url = `http://${name}.test`
  const backup = name.startsWith('s3')
  return {
    name,
    url,
    ca: null,
    serverName: null,
    backup,
    maxConnections,
    warmConnections,
    timeouts,
    check,
    ...overrides,
  }
}

/** Headers that a cache node sets on a hit. */
export const hitHeaders = [
  'Cache-Status',
  'breakwater-cache; hit',
  'X-Cache-Status',
  'HIT',
  'X-Backend',
  'nobody',
]

export interface RouterWorld {
  readonly clock: VirtualClock
  readonly router: Router
  readonly log: ReturnType<typeof memoryLog>
  /** Names whose TCP connections are refused. */
  readonly unreachable: Set<string>
  origin(name: string): MemoryOrigin
  backend(name: string): Backend
  /** Sends a request now and moves time on until its head is there. */
  get(target: string, more?: Parameters<typeof request>[1]): Promise<ProxyResponse>
}

/** Servers named s3… are backups and 32 ms away, the others cache nodes 1 ms away. */
export function routerWorld(
  servers: readonly ServerOptions[] = [server('cache1'), server('s3')],
  overrides: Partial<RouterOptions> = {},
): RouterWorld {
  const clock = new VirtualClock()
  const origins = new Map(servers.map(({ name, backup }) => [name, newOrigin(name, backup, clock)]))
  const unreachable = new Set<string>()
  const log = memoryLog()
  const options: RouterOptions = { ...routerDefaults, servers, ...overrides }
  const router = createRouter(options, {
    clock,
    random: constantRandom(),
    log,
    digests: nodeDigests,
    timing: () => createTiming(clock),
    open: ({ name }) => origins.get(name)!,
    connect: async ({ name }) => {
      if (unreachable.has(name)) throw new ProxyError('refused', { code: 'connect-refused', source: 'cache' })
    },
  })
  return {
    clock,
    router,
    log,
    unreachable,
    origin: (name) => origins.get(name)!,
    backend: (name) => router.fleet.backends.find((backend) => backend.name === name)!,
    get: (target, more) =>
      clock.until(
        Promise.resolve(router.handle(request(target, { receivedMs: clock.monotonicMs(), ...more }))),
      ),
  }
}

function newOrigin(name: string, backup: boolean, clock: VirtualClock): MemoryOrigin {
  const origin = new MemoryOrigin(name, clock)
  origin.latencyMs = backup ? 32 : 1
  return origin
}
