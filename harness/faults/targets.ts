// What the catalogue's faults act on, taken from a deployment.
import type { Deployment } from '../run/deployment.ts'
import type { Part } from '../systems/part.ts'
import type { FaultTargets, FaultyCache } from './catalogue.ts'
import type { LinkWitness } from './links.ts'

export function faultTargets(deployment: Deployment, witness: LinkWitness, seed: number): FaultTargets {
  const { toxiproxy, originLinks, origin, nameserver, parts } = deployment
  const caches = parts.filter(({ description }) => description.role === 'cache').map(faultyCache)
  return { toxiproxy, witness, originLinks, origin, nameserver, caches, seed }
}

/** A part whose files name `{disk_faults}` reads from there which faults its disk is to have. */
function faultyCache(part: Part): FaultyCache {
  const readsDiskFaults = Object.values(part.description.files).some((text) => text.includes('{disk_faults}'))
  return {
    name: part.name,
    dir: part.dir,
    diskControlFile: readsDiskFaults ? part.fill('{disk_faults}') : null,
    get running() {
      return part.running
    },
    get pid() {
      return part.pid
    },
    kill: () => part.kill(),
    freeze: () => part.freeze(),
    thaw: () => part.thaw(),
    restart: (state) => part.restart(state),
  }
}
