// What the catalogue's faults act on, taken from a deployment.
import type { Deployment } from '../run/deployment.ts'
import type { SystemPart } from '../systems/part.ts'
import type { PartDescription } from '../systems/system.ts'
import type { FaultTargets, FaultyCache } from './catalogue.ts'
import type { LinkWitness } from './links.ts'

export function faultTargets(deployment: Deployment, witness: LinkWitness, seed: number): FaultTargets {
  const { toxiproxy, originLinks, origin, nameserver, parts } = deployment
  const caches = parts
    .filter(({ description }) => description.role === 'cache')
    .map((part) => faultyCache(part, (isOpen) => openLinksInto(part, deployment, isOpen)))
  return { toxiproxy, witness, originLinks, origin, nameserver, caches, seed }
}

/**
 * A link goes on accepting connections when the part behind it is dead, and closes them at once; a dead machine's
 * kernel refuses them. A check that only connects must see the difference.
 */
async function openLinksInto(
  { name }: SystemPart,
  { linksTo, toxiproxy }: Deployment,
  isOpen: boolean,
): Promise<void> {
  for (const link of linksTo.get(name) ?? []) await toxiproxy.setEnabled(link, isOpen)
}

/** A part whose files name `{disk_faults}` reads from there which faults its disk is to have. */
export function readsDiskFaults({ files }: PartDescription): boolean {
  return Object.values(files).some((text) => text.includes('{disk_faults}'))
}

function faultyCache(part: SystemPart, openLinks: (isOpen: boolean) => Promise<void>): FaultyCache {
  return {
    name: part.name,
    dir: part.dir,
    diskControlFile: readsDiskFaults(part.description) ? part.fill('{disk_faults}') : null,
    get running() {
      return part.running
    },
    get pid() {
      return part.pid
    },
    async kill() {
      await Promise.all([part.kill(), openLinks(false)])
    },
    freeze: () => part.freeze(),
    thaw: () => part.thaw(),
    async restart(state) {
      await part.restart(state)
      await openLinks(true)
    },
  }
}
