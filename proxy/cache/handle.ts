// The cache role, from a request to its answer. Read this first: it tells reads of objects (reads.ts) from what is passed
// on (pass.ts), and settles who is asking. Flow.
import type { Handler, ProxyRequest, ProxyResponse } from '../object.ts'
import { type Access, authorise, type Checked, modeFor } from '../policy/authorisation.ts'
import { requestDemands } from '../policy/cache-control.ts'
import { presignedExpired } from '../policy/claim.ts'
import type { ObjectName } from '../policy/key.ts'
import type { AccessLog, BodyStore, Clock, Digests, Log, Origin, Random, Signatures } from '../ports.ts'
import { Allowances } from './allowances.ts'
import type { CacheContext, Exchange, Reply } from './exchange.ts'
import { FillTable } from './fill-table.ts'
import { type HeadReading, HeadReadings } from './head-readings.ts'
import type { CacheOptions } from './options.ts'
import { passOn } from './pass.ts'
import { Reads } from './reads.ts'
import { recorded } from './record.ts'
import { bodyOnRead } from './refusals.ts'
import { counted, Totals } from './totals.ts'
import type { TurnOptions } from './turns.ts'
import { type OriginState, Upstream } from './upstream.ts'
import { Variants } from './variants.ts'

export interface CachePorts {
  readonly store: BodyStore
  /** In the order in which they are asked: the primary, then backups. */
  readonly origins: readonly Origin[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Needed where the mode is `verify`. */
  readonly signatures: Signatures | null
  /** null: bodies are checked by their length alone. */
  readonly digests: Digests | null
  readonly accessLog: AccessLog | null
}

export interface Cache {
  readonly handle: Handler
  /** For status pages: the origins with their breakers, turns and addresses, how many objects are being fetched, bytes in prepared answers, and sums since the start. */
  state(): {
    readonly origins: readonly OriginState[]
    readonly fills: number
    readonly repeatedBytes: number
    readonly totals: Totals
  }
  /** Resolves once every fetch that is under way has ended. */
  drain(): Promise<void>
}

/** `totals` go on from those of an earlier configuration. */
export function createCache(options: CacheOptions, ports: CachePorts, totals = new Totals()): Cache {
  const { clock, accessLog } = ports
  const origins = ports.origins.map((origin) => counted(origin, totals))
  const context = contextOf(options, { ...ports, origins })
  const reads = new Reads(context)
  const readings = new HeadReadings(options.hosts)

  function handle(request: ProxyRequest): ProxyResponse | Promise<ProxyResponse> {
    const reading = readings.of(request)
    const { subject } = reading
    const { name } = subject
    const finish = (reply: Reply) => recorded(totals, accessLog, clock, request, name, reply).response
    if (subject.kind === 'pass') return passed(request, name, subject.because).then(finish)
    const reply = readOf(request, reading, subject.name, subject.key)
    return reply instanceof Promise ? reply.then(finish) : finish(reply)
  }

  async function passed(request: ProxyRequest, name: ObjectName | null, because: string): Promise<Reply> {
    return request.body && isRead(request)
      ? bodyOnRead(context, request)
      : passOn(context, request, name, because)
  }

  function readOf(
    request: ProxyRequest,
    { facts, claim }: HeadReading,
    name: ObjectName,
    key: string,
  ): Reply | Promise<Reply> {
    if (request.body) return bodyOnRead(context, request)
    const asksCache = options.profile === 'rfc9111' && (facts.cacheControl ?? facts.pragma) !== undefined
    return reads.read({
      request,
      facts,
      name,
      key,
      claim,
      access: accessOf(context, request, name),
      demands: asksCache ? requestDemands(facts.cacheControl, facts.pragma) : null,
    } satisfies Exchange)
  }

  return {
    handle,
    state: () => ({
      origins: context.upstream.states(),
      fills: context.fills.size,
      repeatedBytes: reads.repeatedBytes,
      totals,
    }),
    drain: () => context.fills.drained(),
  }
}

function contextOf(options: CacheOptions, ports: CachePorts): CacheContext {
  const { store, clock, random, log, signatures, digests } = ports
  const upstream = new Upstream(ports.origins, options.breaker, turnOptions(options), clock, log)
  const variants = new Variants(store, clock, random)
  const fills = new FillTable(options, { upstream, store, variants, clock, log, digests }, signatures)
  const allowances = new Allowances(options.authorisation, clock)
  return { options, store, clock, random, log, signatures, upstream, fills, variants, allowances }
}

const notChecked: Checked = { kind: 'not-checked' }

/** Half the deadline for a turn; the rest is for the answer. */
function turnOptions({ originRequests, deadlineMs }: CacheOptions): TurnOptions {
  return { ceiling: originRequests, waitMs: deadlineMs / 2 }
}

function accessOf(
  { options, signatures, clock }: CacheContext,
  request: ProxyRequest,
  name: ObjectName,
): Access {
  const { authorisation } = options
  const mode = modeFor(authorisation, name.base)
  const checked = mode === 'verify' && signatures ? signatures.verify(request, clock.wallMs()) : notChecked
  const urlExpired = request.target.includes('?') && presignedExpired(request.target, clock.wallMs())
  return authorise(mode, checked, urlExpired, name.base, authorisation)
}

function isRead({ method }: ProxyRequest): boolean {
  return method === 'GET' || method === 'HEAD'
}
