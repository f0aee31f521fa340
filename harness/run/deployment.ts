// Brings up everything a scenario runs against, each part its own process on free loopback ports: the origin, its
// nameserver, Toxiproxy with a link between every two parts, and the system under test.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, UsageError } from '../errors.ts'
import type { Endpoint } from '../load/messages.ts'
import { type OriginHandle, originHost } from '../origins/handle.ts'
import { type Nameserver, startNameserver } from '../origins/nameserver.ts'
import { Part, type SystemPart, type UnexpectedEnd } from '../systems/part.ts'
import type { Placeholders } from '../systems/placeholders.ts'
import type { PartDescription, SystemDescription } from '../systems/system.ts'
import type { Toxiproxy } from '../toxiproxy/control.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import { bringUpOrigin } from './bring-up-origin.ts'
import type { RunOptions } from './options.ts'
import { freePorts } from './ports.ts'
import type { UndoStack } from './undo.ts'

/** Half of the 32 ms between the app servers' city and S3's: each direction of a link to S3 takes this long. */
export const oneWayMs = 16

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Deployment {
  readonly origin: OriginHandle
  readonly nameserver: Nameserver
  readonly toxiproxy: Toxiproxy
  readonly system: SystemDescription
  readonly parts: readonly SystemPart[]
  /** Where clients send their requests. */
  readonly entry: Endpoint
  /** S3 at its real distance, past the system. */
  readonly originThroughLink: Endpoint
  /** S3 without any link: for the harness's own questions. */
  readonly originDirect: Endpoint
  /** The names of the links to S3. */
  readonly originLinks: readonly string[]
  /** The names of the links by which a cache is reached, by its name. */
  readonly linksTo: ReadonlyMap<string, readonly string[]>
  /** Freshness and store limits as given to the system, after `--speed`. */
  readonly calendar: CalendarValues
}

/** Calendar durations as the system under test is told them, whole seconds with their unit. */
export type CalendarValues = Readonly<Record<'valid' | 'valid_short' | 'inactive' | 'hold_valid', string>>

const calendarSeconds = {
  valid: 30 * 86_400,
  valid_short: 3600,
  inactive: 30 * 86_400,
  hold_valid: 300,
} as const

/** What the original deployment was told, divided by `speed`; at least a second, since nginx counts in seconds. */
export function scaledCalendar(speed: number): CalendarValues {
  const scale = (seconds: number) => `${Math.max(1, Math.round(seconds / speed))}s`
  return {
    valid: scale(calendarSeconds.valid),
    valid_short: scale(calendarSeconds.valid_short),
    inactive: scale(calendarSeconds.inactive),
    hold_valid: scale(calendarSeconds.hold_valid),
  }
}

export interface DeployHooks {
  readonly undo: UndoStack
  /** Something that must live to the end has died. */
  readonly onTrouble: (reason: string) => void
  /** One word for each step, for the impatient. */
  readonly onStep: (step: string) => void
}

/** Starts it all; every piece registers its own undo before it starts. Rejects with UsageError for what the user can mend. */
export async function deploy(
  system: SystemDescription,
  options: RunOptions,
  workDir: string,
  logDir: string,
  hooks: DeployHooks,
): Promise<Deployment> {
  // Toxiproxy first: it is what the user can have named wrongly, and nothing else is to be started then.
  hooks.onStep('toxiproxy')
  const toxiproxy = await openToxiproxy(options.toxiproxy, { seed: options.seed, logDir })
  hooks.undo.add('stop Toxiproxy', () => toxiproxy.stop())
  hooks.onStep('origin')
  const origin = await bringUpOrigin(options, workDir, hooks)
  const nameserver = await startNameserver({ [originHost]: ['127.0.0.1'] })
  hooks.undo.add('stop the nameserver', () => nameserver.stop())
  const network = await layOut(system, origin, nameserver, toxiproxy, options, workDir)
  hooks.onStep(system.name)
  const onUnexpectedEnd = ({ part, how, logTail }: UnexpectedEnd) =>
    hooks.onTrouble(`part ${part} died unexpectedly (${how}); the end of its log:\n${logTail}`)
  const parts: Part[] = []
  for (const description of inStartOrder(system.parts)) {
    const part = new Part(description, network.values.get(description.name)!, logDir, onUnexpectedEnd)
    hooks.undo.add(`stop ${part.name}`, () => part.stop())
    await part.start().catch((error) => {
      throw new UsageError(messageOf(error))
    })
    parts.push(part)
  }
  const originThroughLink = s3Endpoint(network.clientLink, origin)
  return {
    origin,
    nameserver,
    toxiproxy,
    system,
    parts,
    entry: entryOf(parts) ?? originThroughLink,
    originThroughLink,
    originDirect: s3Endpoint(origin.tlsAddress, origin),
    originLinks: network.originLinks,
    linksTo: linksToCachesOf(system),
    calendar: scaledCalendar(options.speed),
  }
}

/** Everything after what it needs. */
const startOrder = ['helper', 'cache', 'router']

function inStartOrder(parts: readonly PartDescription[]): PartDescription[] {
  return [...parts].sort((a, b) => startOrder.indexOf(a.role) - startOrder.indexOf(b.role))
}

function entryOf(parts: readonly Part[]): Endpoint | undefined {
  const part = ['router', 'cache'].flatMap((role) =>
    parts.filter(({ description }) => description.role === role),
  )[0]
  return part && { url: `http://${part.listen}` }
}

export function s3Endpoint(address: string, origin: OriginHandle): Endpoint {
  return { url: `https://${address}`, caFile: origin.caFile, serverName: origin.host }
}

interface Network {
  /** Placeholders of each part, by its name. */
  readonly values: ReadonlyMap<string, Placeholders>
  readonly originLinks: readonly string[]
  /** host:port of the clients' own link to S3. */
  readonly clientLink: string
}

/** Gives every part its addresses and lays a link between every two that talk. */
async function layOut(
  system: SystemDescription,
  origin: OriginHandle,
  nameserver: Nameserver,
  toxiproxy: Toxiproxy,
  options: RunOptions,
  workDir: string,
): Promise<Network> {
  const ports = await freePorts(system.parts.length * 2)
  const addresses = new Map(
    system.parts.map((part, i) => [part.name, { port: ports[2 * i]!, adminPort: ports[2 * i + 1]! }]),
  )
  const originLinks: string[] = []
  const linkToS3 = async (from: string) => {
    const name = linkName(from, 's3')
    const address = await toxiproxy.createLink(name, origin.tlsAddress)
    await toxiproxy.addLatency(name, oneWayMs)
    originLinks.push(name)
    return address
  }
  const values = new Map<string, Placeholders>()
  const caches = system.parts.filter((part) => part.role === 'cache')
  const helpers = addressesOfHelpers(system.parts, addresses)
  for (const part of system.parts) {
    const { port, adminPort } = addresses.get(part.name)!
    const s3 = await linkToS3(part.name)
    const cacheLinks = part.role === 'router' ? await linksToCaches(part, caches, addresses, toxiproxy) : {}
    values.set(part.name, {
      ...scaledCalendar(options.speed),
      ...helpers,
      ...cacheLinks,
      listen: `127.0.0.1:${port}`,
      port: String(port),
      admin: `127.0.0.1:${adminPort}`,
      admin_port: String(adminPort),
      dir: path.join(workDir, part.name),
      disk_faults: diskControlFile(workDir, part.name),
      root,
      node: process.execPath,
      origin: s3,
      origin_port: s3.split(':')[1]!,
      origin_name: origin.host,
      origin_ca: origin.caFile,
      nameserver: nameserver.address,
      access_key: origin.credentials.accessKey,
      secret_key: origin.credentials.secretKey,
      max_size: options.storeSize ?? '2g',
    })
  }
  return { values, originLinks, clientLink: await linkToS3('client') }
}

/** The link on which one part reaches another. */
function linkName(from: string, to: string): string {
  return `${from}-${to}`
}

function linksToCachesOf({ parts }: SystemDescription): ReadonlyMap<string, readonly string[]> {
  const named = (role: string) => parts.filter((part) => part.role === role).map(({ name }) => name)
  return new Map(
    named('cache').map((cache) => [cache, named('router').map((router) => linkName(router, cache))]),
  )
}

/** Beside the part's folder, since a cold restart empties that. */
function diskControlFile(workDir: string, part: string): string {
  return path.join(workDir, `${part}-disk.json`)
}

/** `{NAME}` and `{NAME_port}` of every helper. */
function addressesOfHelpers(
  parts: readonly PartDescription[],
  addresses: ReadonlyMap<string, { port: number }>,
): Placeholders {
  const helpers = parts.filter((part) => part.role === 'helper')
  return Object.fromEntries(
    helpers.flatMap(({ name }) => {
      const { port } = addresses.get(name)!
      const placeholder = name.replaceAll('-', '_')
      return [
        [placeholder, `127.0.0.1:${port}`],
        [`${placeholder}_port`, String(port)],
      ]
    }),
  )
}

/** `{cache}` is the first cache node; each is also there under its own name, dashes as underscores. */
async function linksToCaches(
  router: PartDescription,
  caches: readonly PartDescription[],
  addresses: ReadonlyMap<string, { port: number }>,
  toxiproxy: Toxiproxy,
): Promise<Placeholders> {
  const links: Record<string, string> = {}
  for (const cache of caches) {
    const upstream = `127.0.0.1:${addresses.get(cache.name)!.port}`
    const address = await toxiproxy.createLink(linkName(router.name, cache.name), upstream)
    links.cache ??= address
    links[cache.name.replaceAll('-', '_')] = address
  }
  return links
}
