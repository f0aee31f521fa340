// `--system URL`: makes a deployment that runs already the subject of a run. It is left as it was found: nothing of it is
// started or stopped but by faults, which are undone.
import { messageOf, UsageError } from '../errors.ts'
import { type OriginHandle, originHost } from '../origins/handle.ts'
import { startNameserver } from '../origins/nameserver.ts'
import { AttachedPart } from '../systems/attached-part.ts'
import type { UnexpectedEnd } from '../systems/part.ts'
import type { SystemDescription } from '../systems/system.ts'
import type { Toxiproxy } from '../toxiproxy/control.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import { bringUpOrigin } from './bring-up-origin.ts'
import { type DeployHooks, type Deployment, oneWayMs, s3Endpoint, scaledCalendar } from './deployment.ts'
import type { RunOptions } from './options.ts'
import { type AttachedLink, type RunningDeployment, requireAnswering } from './running.ts'

/** The clients' own way to S3, for the reads that go past the system. */
const clientLink = 'breakwater-client-s3'

/** How reports call it; its parts are the processes that the user named. */
export function describeRunning({ url, processes }: RunningDeployment): SystemDescription {
  const parts = processes.map(({ name, role }) => ({
    ...{ name, role, command: ['(runs already)'], files: {}, ready: { tcp: '' } },
  }))
  return { name: new URL(url).host, story: `a deployment that runs already at ${url}`, parts }
}

/** Rejects with UsageError for what the user can mend. */
export async function attachDeployment(
  running: RunningDeployment,
  options: RunOptions,
  workDir: string,
  logDir: string,
  hooks: DeployHooks,
): Promise<Deployment> {
  await requireAnswering(running.url)
  hooks.onStep('toxiproxy')
  const toxiproxy = await openToxiproxy(options.toxiproxy, { seed: options.seed, logDir })
  hooks.undo.add('take leave of Toxiproxy', () => toxiproxy.stop())
  hooks.onStep('origin')
  const origin = await bringUpOrigin(options, workDir, hooks)
  const nameserver = await startNameserver({ [originHost]: ['127.0.0.1'] })
  hooks.undo.add('stop the nameserver', () => nameserver.stop())
  const linksTo = await adoptLinks(running.links, origin, toxiproxy)
  const originLinks = linksTo.get('s3') ?? []
  linksTo.delete('s3')
  const throughLink = await toxiproxy.createLink(clientLink, origin.tlsAddress)
  for (const link of [...originLinks, clientLink]) {
    hooks.undo.add(`take the distance off the link ${link}`, () => toxiproxy.removeLatency(link))
    await toxiproxy.addLatency(link, oneWayMs)
  }
  const onUnexpectedEnd = ({ part, how }: UnexpectedEnd) =>
    hooks.onTrouble(`part ${part} died unexpectedly (${how})`)
  const parts = running.processes.map((each) => new AttachedPart(each, logDir, onUnexpectedEnd))
  for (const part of parts) hooks.undo.add(`leave ${part.name} running`, () => part.stop())
  return {
    ...{ origin, nameserver, toxiproxy, parts, originLinks, linksTo },
    system: describeRunning(running),
    entry: { url: running.url },
    originThroughLink: s3Endpoint(throughLink, origin),
    originDirect: s3Endpoint(origin.tlsAddress, origin),
    calendar: scaledCalendar(options.speed),
  }
}

/** By what they lead to. */
async function adoptLinks(
  links: readonly AttachedLink[],
  origin: OriginHandle,
  toxiproxy: Toxiproxy,
): Promise<Map<string, readonly string[]>> {
  const linksTo = new Map<string, readonly string[]>()
  for (const { to, proxy } of links) {
    const upstream = await toxiproxy.adoptLink(proxy).catch((error) => {
      throw new UsageError(
        `--link: ${messageOf(error)}: there is no proxy ${proxy} in the Toxiproxy at ${toxiproxy.url}`,
      )
    })
    if (to === 's3' && portOf(upstream) !== portOf(origin.tlsAddress)) {
      throw new UsageError(
        `--link: the proxy ${proxy} leads to ${upstream}, not to the origin at ${origin.tlsAddress}`,
      )
    }
    linksTo.set(to, [...(linksTo.get(to) ?? []), proxy])
  }
  return linksTo
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
