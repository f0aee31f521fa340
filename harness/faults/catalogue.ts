// Every fault by its name, with how hard it hits given as a strength from 0 to 1: what random schedules draw from.
import type { OriginHandle } from '../origins/handle.ts'
import type { NameAnswer, Nameserver } from '../origins/nameserver.ts'
import type { Toxiproxy } from '../toxiproxy/control.ts'
import { diskFails, storedBitsFlip } from './disk.ts'
import type { Fault } from './fault.ts'
import { type LinkWitness, linkFaults } from './links.ts'
import { nameAnswers } from './names.ts'
import { type FaultyPart, killed, restarted, stopped } from './processes.ts'
import { s3Misbehaves, s3ShowsCertificate } from './s3-http.ts'

/** A cache node: its process, and where it keeps what it stores. */
export interface FaultyCache extends FaultyPart {
  readonly dir: string
  /** The file by which its store is told to fail; null when it reads none. */
  readonly diskControlFile: string | null
}

/** What the faults of a deployment act on. */
export interface FaultTargets {
  readonly toxiproxy: Toxiproxy
  readonly witness: LinkWitness
  /** Links whose other end is S3. */
  readonly originLinks: readonly string[]
  readonly origin: OriginHandle
  readonly nameserver: Nameserver
  readonly caches: readonly FaultyCache[]
  readonly seed: number
}

type Maker = (targets: FaultTargets, strength: number) => Fault

/** From `least` at strength 0 to `most` at 1, by equal factors. */
function scale(strength: number, least: number, most: number): number {
  return Math.round(least * (most / least) ** strength)
}

const s3Link =
  (
    make: (faults: ReturnType<typeof linkFaults>, links: readonly string[], strength: number) => Fault,
  ): Maker =>
  (targets, strength) =>
    make(linkFaults(targets.toxiproxy, targets.witness), targets.originLinks, strength)

const s3Answer =
  (kind: Parameters<typeof s3Misbehaves>[1]['kind']): Maker =>
  ({ origin }, strength) =>
    s3Misbehaves(origin, { kind, share: 0.05 + 0.95 * strength, delayMs: scale(strength, 50, 5000) })

const certificate =
  (kind: Parameters<typeof s3ShowsCertificate>[1]): Maker =>
  ({ origin }) =>
    s3ShowsCertificate(origin, kind)

const name =
  (answer: NameAnswer): Maker =>
  ({ nameserver, origin }) =>
    nameAnswers(nameserver, origin.host, answer)

/** The cache that a strength means, when there are several. */
const cache =
  (make: (cache: FaultyCache, strength: number) => Fault): Maker =>
  ({ caches }, strength) =>
    make(caches[Math.min(caches.length - 1, Math.floor(strength * caches.length))]!, strength)

const disk =
  (fault: Parameters<typeof diskFails>[2]['fault']): Maker =>
  (targets, strength) =>
    cache((node) =>
      diskFails(node.name, node.diskControlFile!, { fault, delayMs: scale(strength, 5, 1000) }),
    )(targets, strength)

/** An address on which nothing of a run listens. */
const nowhere = '127.255.255.254'

const everyDeployment = {
  's3-silent': s3Link((faults, links) => faults.silent(links)),
  's3-refused': s3Link((faults, links) => faults.refused(links)),
  's3-slow': s3Link((faults, links, strength) =>
    faults.slow(links, { latencyMs: scale(strength, 20, 3000), jitterMs: scale(strength, 5, 500) }),
  ),
  's3-throttled': s3Link((faults, links, strength) =>
    faults.throttled(links, { bytesPerSecond: scale(1 - strength, 10_000, 10_000_000) }),
  ),
  's3-reset': s3Link((faults, links, strength) =>
    faults.reset(links, { afterMs: scale(1 - strength, 1, 500) }),
  ),
  's3-closed': s3Link((faults, links, strength) =>
    faults.closed(links, { afterMs: scale(1 - strength, 1, 500) }),
  ),
  's3-cut': s3Link((faults, links, strength) =>
    faults.cut(links, { bytes: scale(1 - strength, 5_000, 2_000_000) }),
  ),
  's3-sliced': s3Link((faults, links) => faults.sliced(links, { averageBytes: 500, delayMs: 1 })),
  's3-slow-close': s3Link((faults, links, strength) =>
    faults.slowClose(links, { delayMs: scale(strength, 50, 3000) }),
  ),
  's3-corrupted': s3Link((faults, links, strength) =>
    faults.corrupted(links, { everyBytes: scale(1 - strength, 1_000, 1_000_000) }),
  ),
  's3-slow-down': s3Answer('slow-down'),
  's3-internal-error': s3Answer('internal-error'),
  's3-forbidden': s3Answer('forbidden'),
  's3-slow-first-byte': s3Answer('slow-first-byte'),
  's3-truncated': s3Answer('truncated'),
  's3-overlong': s3Answer('overlong'),
  's3-altered': s3Answer('altered'),
  's3-wrong-etag': s3Answer('wrong-etag'),
  's3-error-with-200': s3Answer('error-with-200'),
  'certificate-expired': certificate('expired'),
  'certificate-wrong-name': certificate('wrong-name'),
  'certificate-unknown-authority': certificate('unknown-authority'),
  'dns-nxdomain': name({ kind: 'nxdomain' }),
  'dns-servfail': name({ kind: 'servfail' }),
  'dns-silence': name({ kind: 'silence' }),
  'dns-elsewhere': name({ kind: 'addresses', addresses: [nowhere] }),
} satisfies Record<string, Maker>

const withCaches = {
  'cache-killed': cache((node) => killed(node, 'warm')),
  'cache-killed-cold': cache((node) => killed(node, 'cold')),
  'cache-restarted': cache((node) => restarted(node, 'warm')),
  'cache-restarted-cold': cache((node) => restarted(node, 'cold')),
  'cache-stopped': cache((node) => stopped(node)),
  'cache-bits-flipped': ((targets, strength) =>
    cache((node) =>
      storedBitsFlip(node.name, node.dir, { seed: targets.seed, share: 0.05 + strength / 2, minBytes: 1024 }),
    )(targets, strength)) as Maker,
} satisfies Record<string, Maker>

const withFailingDisks = {
  'disk-full': disk('full'),
  'disk-read-only': disk('read-only'),
  'disk-io-error': disk('io-error'),
  'disk-no-descriptors': disk('no-descriptors'),
  'disk-slow': disk('slow'),
  'disk-flipped-bits': disk('flipped-bits'),
} satisfies Record<string, Maker>

const makers: Readonly<Record<string, Maker>> = { ...everyDeployment, ...withCaches, ...withFailingDisks }

/** The names of all faults, whatever a deployment can have. */
export const allFaultNames: readonly string[] = Object.keys(makers)

/** The names of the faults that this deployment can have, in a fixed order. */
export function faultNames({ caches, toxiproxy }: FaultTargets): string[] {
  const canFailDisks = caches.length > 0 && caches.every(({ diskControlFile }) => diskControlFile !== null)
  const needsEmbedded = (fault: string) => fault === 's3-corrupted'
  return [
    ...Object.keys(everyDeployment).filter((fault) => toxiproxy.kind === 'embedded' || !needsEmbedded(fault)),
    ...(caches.length > 0 ? Object.keys(withCaches) : []),
    ...(canFailDisks ? Object.keys(withFailingDisks) : []),
  ]
}

/** The fault of a name from `faultNames`. */
export function faultByName(fault: string, targets: FaultTargets, strength: number): Fault {
  return makers[fault]!(targets, strength)
}
