// Faults on the links to S3, each over several links at once, through Toxiproxy.
import type { Toxiproxy } from '../toxiproxy/control.ts'
import type { Fault, Touched } from './fault.ts'

/** What the run knows that proves a closed link was missed: nothing passes through it, so Toxiproxy can't count. */
export interface LinkWitness {
  failuresSince(sinceMs: number): number
  nowMs(): number
}

/** The link faults of a run. */
export function linkFaults(toxiproxy: Toxiproxy, witness: LinkWitness) {
  return {
    /** Packets vanish: nothing is answered and nothing is closed. */
    silent: (links: readonly string[]): Fault => silent(toxiproxy, links),
    /** Nobody listens: connections are refused, those that exist are closed. */
    refused: (links: readonly string[]): Fault => refused(toxiproxy, links, witness),
  }
}

function silent(toxiproxy: Toxiproxy, links: readonly string[]): Fault {
  const toxics = ['upstream', 'downstream'] as const
  return {
    name: 'packets vanish',
    target: links.join(', '),
    async apply() {
      for (const link of links) {
        for (const stream of toxics) {
          await toxiproxy.addToxic(link, {
            name: `silent_${stream}`,
            type: 'timeout',
            stream,
            attributes: { timeout: 0 },
          })
        }
      }
    },
    async heal() {
      let count = 0
      for (const link of links) {
        count += await toxiproxy.touched(link, 'silent_upstream')
        for (const stream of toxics) await toxiproxy.removeToxic(link, `silent_${stream}`)
      }
      return { count, evidence: 'connections on which Toxiproxy dropped data' }
    },
  }
}

function refused(toxiproxy: Toxiproxy, links: readonly string[], witness: LinkWitness): Fault {
  let appliedMs = Number.POSITIVE_INFINITY
  return {
    name: 'connections refused',
    target: links.join(', '),
    async apply() {
      for (const link of links) await toxiproxy.setEnabled(link, false)
      appliedMs = witness.nowMs()
    },
    async heal(): Promise<Touched> {
      for (const link of links) await toxiproxy.setEnabled(link, true)
      return {
        count: witness.failuresSince(appliedMs),
        evidence: 'arrivals that failed while the links were closed',
      }
    },
  }
}
