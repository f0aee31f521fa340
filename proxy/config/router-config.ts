// The router role's configuration file: its settings, their defaults, and what they become.
import { z } from 'zod'
import {
  cacheNodeCheckUri,
  type RouterOptions,
  routerDefaults,
  type ServerOptions,
} from '../router/options.ts'
import { secretFrom } from './file.ts'
import { memorySchema } from './memory-config.ts'
import { duration, httpUrl, listenAddress, nameserver, positiveInteger, ratio } from './units.ts'

const checkFields = {
  kind: z.enum(['http', 'tcp', 'canary']),
  method: z.enum(['GET', 'HEAD', 'OPTIONS']),
  uri: z.string().startsWith('/'),
  host: z.string(),
  slow: duration,
  inter: duration,
  fastinter: duration,
  downinter: duration,
  timeout: duration,
  rise: positiveInteger,
  fall: positiveInteger,
} as const

const checkSchema = z.strictObject(checkFields).partial()
type CheckFile = z.output<typeof checkSchema>

const timeoutsSchema = z
  .strictObject({ connect: duration, first_byte: duration, between_bytes: duration })
  .partial()
type TimeoutsFile = z.output<typeof timeoutsSchema>

export const serverSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, 'use letters, digits, dots and dashes'),
  url: httpUrl,
  ca: z.string().nullable().default(null),
  server_name: z.string().nullable().default(null),
  backup: z.boolean().default(false),
  max_connections: positiveInteger.default(routerDefaults.maxConnections),
  warm: z.int().nonnegative().default(routerDefaults.warmConnections),
  timeouts: timeoutsSchema.default({}),
  /** `false`: never checked, always taken for up. */
  check: z.union([z.literal(false), checkSchema]).default({}),
})

const { observe, flap, retry, hedge, queue } = routerDefaults

export const routerSchema = z
  .strictObject({
    listen: listenAddress,
    nameservers: z.array(nameserver).default([]),
    hold_valid: duration.default(300_000),
    check: checkSchema.default({}),
    timeouts: timeoutsSchema.default({}),
    servers: z.array(serverSchema).min(1),
    observe: z
      .strictObject({
        consecutive_errors: z.int().nonnegative().default(observe.consecutiveErrors),
        error_ratio: ratio.default(observe.errorRatio),
        min_requests: positiveInteger.default(observe.minRequests),
        window: duration.default(observe.windowMs),
        slow_factor: z.number().nonnegative().default(observe.slowFactor),
      })
      .prefault({}),
    flap: z
      .strictObject({
        count: positiveInteger.default(flap.count),
        window: duration.default(flap.windowMs),
        hold: duration.default(flap.holdMs),
        max_hold: duration.default(flap.maxHoldMs),
      })
      .prefault({}),
    slowstart: duration.default(routerDefaults.slowStartMs),
    deadline: duration.default(routerDefaults.deadlineMs),
    write_timeout: duration.default(routerDefaults.writeTimeoutMs),
    retry: z
      .strictObject({
        attempts: positiveInteger.default(retry.attempts),
        budget_ratio: ratio.default(retry.budgetRatio),
        budget_per_second: z.number().nonnegative().default(retry.budgetPerSecond),
        resumes: z.int().nonnegative().default(retry.resumes),
      })
      .prefault({}),
    hedge: z
      .strictObject({
        enabled: z.boolean().default(hedge.enabled),
        after: duration.default(hedge.afterMs),
        budget_ratio: ratio.default(hedge.budgetRatio),
      })
      .prefault({}),
    queue: z
      .strictObject({
        max: z.int().nonnegative().default(queue.maxQueue),
        timeout: duration.default(queue.timeoutMs),
        reserved_for_hits: ratio.default(queue.reservedForHits),
      })
      .prefault({}),
    /** Small hot objects kept in the router itself. */
    memory: memorySchema.nullable().default(null),
    /** Off for S3 clones whose ETags look like MD5 and aren't. */
    verify_digest: z.boolean().default(true),
    region: z.string().default('us-east-1'),
    log: z.enum(['all', 'anomalies']).default(routerDefaults.logRequests),
    admin: z
      .strictObject({ listen: listenAddress, token_file: z.string().nullable().default(null) })
      .nullable()
      .default(null),
    drain: duration.default(30_000),
  })
  .refine(({ servers }) => new Set(servers.map(({ name }) => name)).size === servers.length, {
    error: 'two servers have the same name',
    path: ['servers'],
  })

export type RouterFile = z.output<typeof routerSchema>

export function routerOptions(file: RouterFile): RouterOptions {
  return {
    name: routerDefaults.name,
    servers: file.servers.map((server) => serverOptions(server, file)),
    observe: {
      consecutiveErrors: file.observe.consecutive_errors,
      errorRatio: file.observe.error_ratio,
      minRequests: file.observe.min_requests,
      windowMs: file.observe.window,
      slowFactor: file.observe.slow_factor,
    },
    flap: {
      count: file.flap.count,
      windowMs: file.flap.window,
      holdMs: file.flap.hold,
      maxHoldMs: file.flap.max_hold,
    },
    slowStartMs: file.slowstart,
    deadlineMs: file.deadline,
    writeTimeoutMs: file.write_timeout,
    retry: {
      attempts: file.retry.attempts,
      budgetRatio: file.retry.budget_ratio,
      budgetPerSecond: file.retry.budget_per_second,
      resumes: file.retry.resumes,
    },
    hedge: { enabled: file.hedge.enabled, afterMs: file.hedge.after, budgetRatio: file.hedge.budget_ratio },
    logRequests: file.log,
    queue: {
      maxQueue: file.queue.max,
      timeoutMs: file.queue.timeout,
      reservedForHits: file.queue.reserved_for_hits,
    },
  }
}

function serverOptions(server: RouterFile['servers'][number], file: RouterFile): ServerOptions {
  return {
    name: server.name,
    url: server.url,
    ca: server.ca,
    serverName: server.server_name,
    backup: server.backup,
    maxConnections: server.max_connections,
    warmConnections: server.warm,
    timeouts: timeouts({ ...file.timeouts, ...server.timeouts }),
    check: server.check === false ? null : check({ ...file.check, ...server.check }, server.backup),
  }
}

function timeouts(file: TimeoutsFile): ServerOptions['timeouts'] {
  const { connectMs, firstByteMs, betweenBytesMs } = routerDefaults.timeouts
  return {
    connectMs: file.connect ?? connectMs,
    firstByteMs: file.first_byte ?? firstByteMs,
    betweenBytesMs: file.between_bytes ?? betweenBytesMs,
  }
}

/** As in HAProxy, `fastinter` and `downinter` are `inter` unless they are given. */
function check(file: CheckFile, backup: boolean): NonNullable<ServerOptions['check']> {
  const defaults = routerDefaults.check
  const interMs = file.inter ?? defaults.interMs
  return {
    kind: file.kind ?? defaults.kind,
    method: file.method ?? defaults.method,
    uri: file.uri ?? (backup ? defaults.uri : cacheNodeCheckUri),
    host: file.host ?? defaults.host,
    slowMs: file.slow ?? defaults.slowMs,
    interMs,
    fastInterMs: file.fastinter ?? interMs,
    downInterMs: file.downinter ?? interMs,
    timeoutMs: file.timeout ?? Math.min(interMs, defaults.timeoutMs),
    rise: file.rise ?? defaults.rise,
    fall: file.fall ?? defaults.fall,
  }
}

/** The token that operators must present; null when none is configured. */
export function adminToken({ admin }: RouterFile): string | null {
  return admin?.token_file ? secretFrom(admin.token_file) : null
}
