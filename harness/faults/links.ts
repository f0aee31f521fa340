// Faults on links, each over several links at once, through Toxiproxy: every toxic it has, and links that are closed.
import type { ToxicRequest, Toxiproxy } from '../toxiproxy/control.ts'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/** What the run knows that proves a closed link was missed: nothing passes through it, so Toxiproxy can't count. */
export interface LinkWitness {
  failuresSince(sinceMs: number): number
  nowMs(): number
}

type Links = readonly string[]
type Toxic = Omit<ToxicRequest, 'name'>

/** Share of the connections that are touched, 0 to 1. */
interface Share {
  readonly share?: number
}

/** The link faults of a run. */
export function linkFaults(toxiproxy: Toxiproxy, witness: LinkWitness) {
  const both = (name: string, links: Links, type: string, attributes: Toxic['attributes'], share?: Share) =>
    toxic(toxiproxy, name, links, [
      { type, stream: 'upstream', attributes, toxicity: share?.share ?? 1 },
      { type, stream: 'downstream', attributes, toxicity: share?.share ?? 1 },
    ])
  const answers = (
    name: string,
    links: Links,
    type: string,
    attributes: Toxic['attributes'],
    share?: Share,
  ) =>
    toxic(toxiproxy, name, links, [{ type, stream: 'downstream', attributes, toxicity: share?.share ?? 1 }])
  return {
    /** Packets vanish: nothing is answered and nothing is closed. */
    silent: (links: Links, share?: Share) => both('packets vanish', links, 'timeout', { timeout: 0 }, share),
    /** Nobody listens: connections are refused, those that exist are closed. */
    refused: (links: Links) => refused(toxiproxy, links, witness),
    /** Every answer comes later by `latencyMs`, give or take `jitterMs`. */
    slow: (
      links: Links,
      { latencyMs, jitterMs = 0, ...share }: Share & { latencyMs: number; jitterMs?: number },
    ) => answers('answers are slow', links, 'latency', { latency: latencyMs, jitter: jitterMs }, share),
    /** Answers come at no more than a rate, on each connection or on all of a link together, as S3 throttles a client. */
    throttled: (
      links: Links,
      { bytesPerSecond, scope = 'connection' }: { bytesPerSecond: number; scope?: 'connection' | 'proxy' },
    ) => answers('answers are throttled', links, 'bandwidth', bandwidth(bytesPerSecond, scope)),
    /** Connections are reset, `afterMs` after they were used first. */
    reset: (links: Links, { afterMs = 0, ...share }: Share & { afterMs?: number } = {}) =>
      answers('connections are reset', links, 'reset_peer', { timeout: afterMs }, share),
    /** Connections are closed, `afterMs` after they were used first, with nothing let through. */
    closed: (links: Links, { afterMs, ...share }: Share & { afterMs: number }) =>
      answers(
        'connections are closed unanswered',
        links,
        'timeout',
        { timeout: Math.max(1, afterMs) },
        share,
      ),
    /** Connections end once `bytes` of answers have come through. */
    cut: (links: Links, { bytes, ...share }: Share & { bytes: number }) =>
      answers('answers are cut off', links, 'limit_data', { bytes }, share),
    /** Answers come in small pieces, `delayMs` apart. */
    sliced: (links: Links, { averageBytes, delayMs = 0 }: { averageBytes: number; delayMs?: number }) =>
      answers('answers come in slices', links, 'slicer', {
        average_size: averageBytes,
        size_variation: Math.floor(averageBytes / 2),
        delay: delayMs * 1000,
      }),
    /** The end of a connection reaches the other side only `delayMs` later. */
    slowClose: (links: Links, { delayMs }: { delayMs: number }) =>
      both('closing is slow', links, 'slow_close', { delay: delayMs }),
    /** About one bit in every `everyBytes` of answers is flipped. */
    corrupted: (links: Links, { everyBytes, ...share }: Share & { everyBytes: number }) =>
      answers('bits are flipped on the way', links, 'corrupt', { every: everyBytes }, share),
  }
}

/** Toxiproxy counts in KB (1000 bytes) a second. */
function bandwidth(bytesPerSecond: number, scope: 'connection' | 'proxy'): Toxic['attributes'] {
  const rate = Math.max(1, Math.round(bytesPerSecond / 1000))
  return scope === 'proxy' ? { rate, scope } : { rate }
}

let made = 0

/** Adds the toxics to every link, and takes exactly these away again. */
function toxic(toxiproxy: Toxiproxy, name: string, links: Links, toxics: readonly Toxic[]): Fault {
  made += 1
  const named = toxics.map((toxic) => ({ name: `${toxic.type}_${toxic.stream}_${made}`, ...toxic }))
  const everywhere = links.flatMap((link) => named.map((toxic) => ({ link, toxic })))
  return makeFault({
    name,
    target: links.join(', '),
    evidence:
      toxiproxy.kind === 'embedded'
        ? 'connections on which Toxiproxy dropped, held back, cut or altered something'
        : 'bytes of the connections that ended meanwhile, as a real Toxiproxy tells no more',
    async apply() {
      for (const { link, toxic } of everywhere) await toxiproxy.addToxic(link, toxic)
    },
    async undo() {
      // One connection may meet the toxic in both directions.
      const counts = everywhere.map(({ link, toxic }) => toxiproxy.touched(link, toxic.name).catch(() => 0))
      const touched = await Promise.all(counts)
      await Promise.all(everywhere.map(({ link, toxic }) => toxiproxy.removeToxic(link, toxic.name)))
      return touched.reduce((sum, count) => sum + count, 0)
    },
  })
}

function refused(toxiproxy: Toxiproxy, links: Links, witness: LinkWitness): Fault {
  const token = Symbol('refused')
  let appliedMs = Number.POSITIVE_INFINITY
  const closings = links.map((link) =>
    wishesAbout<'closed'>(toxiproxy, link, (wish) => toxiproxy.setEnabled(link, wish === null)),
  )
  return makeFault({
    name: 'connections refused',
    target: links.join(', '),
    evidence: 'arrivals that failed while the links were closed',
    async apply() {
      await Promise.all(closings.map((closing) => closing.add(token, 'closed')))
      appliedMs = witness.nowMs()
    },
    async undo() {
      await Promise.all(closings.map((closing) => closing.withdraw(token)))
      return witness.failuresSince(appliedMs)
    },
  })
}
