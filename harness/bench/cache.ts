// Hits a second and CPU time a hit: our cache against nginx with the original deployment's configuration, from memory
// and from disk. Both trust the network (nginx knows nothing else); one more row has ours verify every signature.
import { emptyPayloadHash, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import type { Part } from '../systems/part.ts'
import { type Contender, contest, machine, row, titleOf } from './contest.ts'
import type { BenchResult, BenchRow } from './result.ts'
import { objectPath, openSite, originName, type Site } from './site.ts'
import { originalPart, ourCache, signer } from './systems.ts'
import type { Read } from './wrk.ts'

const objects = 32
export const sizes = [
  { name: '4 KB', bytes: 4 * 1024 },
  { name: '64 KB', bytes: 64 * 1024 },
  { name: '1 MB', bytes: 1024 * 1024 },
] as const

/** What is compared: nginx serves from the page cache throughout. */
const variants = [
  { name: 'memory', memory: '256m', mode: 'network', minRatio: 1.3, sizes },
  { name: 'disk', memory: '0', mode: 'network', minRatio: 0.7, sizes },
  { name: 'memory, signature verified', memory: '256m', mode: 'verify', minRatio: null, sizes: [sizes[0]] },
] as const

/** About three minutes. */
export async function run(): Promise<BenchResult> {
  const site = await openSite()
  try {
    const nginx = await site.start(originalPart('cache'))
    const rows: BenchRow[] = []
    for (const variant of variants) {
      const name = `cache-${variants.indexOf(variant)}`
      const cache = await site.start(ourCache({ name, memory: variant.memory, mode: variant.mode }))
      for (const size of variant.sizes) rows.push(...(await compare(site, cache, nginx, variant, size)))
      await cache.stop()
    }
    return { bench: 'cache', machine, rows }
  } finally {
    await site.end()
  }
}

async function compare(
  site: Site,
  cache: Part,
  nginx: Part,
  variant: (typeof variants)[number],
  { name, bytes }: (typeof sizes)[number],
): Promise<BenchRow[]> {
  const plain = plainReads(bytes)
  const ours = alone(cache, variant.mode === 'verify' ? plain.map(signed) : plain)
  const [mine, other] = await contest(site.dir, ours, alone(nginx, plain))
  const title = titleOf(`${name} from ${variant.name}`, mine, other)
  return [
    row(title, 'hits/s', mine.perSecond, other.perSecond, variant.minRatio),
    row(title, 'µs CPU/hit', mine.cpuUsPerRead, other.cpuUsPerRead, null),
  ]
}

function alone(part: Part, reads: readonly Read[]): Contender {
  return { address: part.listen, parts: [part], reads }
}

/** All objects of a size, as a client of S3 asks for them. */
export function plainReads(bytes: number): Read[] {
  return Array.from({ length: objects }, (_, i) => ({
    target: objectPath(bytes, i),
    headers: ['Host', originName],
  }))
}

function signed({ target, headers }: Read): Read {
  const more = signSigV4({
    method: 'GET',
    target,
    headers,
    payloadHash: emptyPayloadHash,
    credentials: signer,
    region: 'us-east-1',
    service: 's3',
    nowMs: Date.now(),
  })
  return { target, headers: [...headers, ...more] }
}
