// A read through the whole chain: app → router → cache, ours against the original HAProxy → nginx, with the router's
// memory tier and without it. Throughput, 99 % quantile, and CPU time of all proxy processes.

import type { Part } from '../systems/part.ts'
import { plainReads, sizes } from './cache.ts'
import { contest, machine, row, titleOf } from './contest.ts'
import type { BenchResult, BenchRow } from './result.ts'
import { openSite, type Site } from './site.ts'
import { originalPart, ourCache, ourRouter } from './systems.ts'

const [small, middling] = sizes
/** The router's memory holds objects of up to 64 KB. */
const variants = [
  { name: "with the router's memory", hasMemory: true, minRatio: 1.5, sizes: [small, middling] },
  { name: 'without it', hasMemory: false, minRatio: 0.7, sizes },
] as const

/** About two minutes. */
export async function run(): Promise<BenchResult> {
  const site = await openSite()
  try {
    const nginx = await site.start(originalPart('cache'))
    const pair = [await site.start(originalPart('router'), { cache: nginx.listen }), nginx]
    const cache = await site.start(ourCache({ name: 'our-cache', memory: '256m', mode: 'network' }))
    const rows: BenchRow[] = []
    for (const variant of variants) {
      const name = `our-router-${variants.indexOf(variant)}`
      const router = await site.start(ourRouter(name, variant.hasMemory), { cache: cache.listen })
      for (const size of variant.sizes)
        rows.push(...(await compare(site, [router, cache], pair, variant, size)))
      await router.stop()
    }
    return { bench: 'chain', machine, rows }
  } finally {
    await site.end()
  }
}

/** A chain is its router and its cache; clients ask the router. */
async function compare(
  site: Site,
  ours: readonly Part[],
  pair: readonly Part[],
  variant: (typeof variants)[number],
  { name, bytes }: (typeof sizes)[number],
): Promise<BenchRow[]> {
  const reads = plainReads(bytes)
  const contender = (parts: readonly Part[]) => ({ address: parts[0]!.listen, parts, reads })
  const [mine, other] = await contest(site.dir, contender(ours), contender(pair))
  const title = titleOf(`${name} ${variant.name}`, mine, other)
  return [
    row(title, 'reads/s', mine.perSecond, other.perSecond, variant.minRatio),
    row(title, 'ms, p99', mine.p99Ms, other.p99Ms, null),
    row(title, 'µs CPU/read', mine.cpuUsPerRead, other.cpuUsPerRead, null),
  ]
}
