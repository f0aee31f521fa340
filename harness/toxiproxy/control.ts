// How the harness drives a Toxiproxy, embedded or real: links between the parts, toxics on them, and the proof that
// a toxic touched traffic. Speaks through toxiproxy-node-client.
import { Toxiproxy as Client } from 'toxiproxy-node-client'
import { UsageError } from '../errors.ts'
import { ApiError } from './api-error.ts'
import { httpClient } from './http-client.ts'
import { kinds } from './toxics/kinds.ts'
import type { Direction } from './toxics/toxic.ts'

export interface ToxicRequest {
  readonly name: string
  readonly type: string
  readonly stream: Direction
  readonly attributes: Readonly<Record<string, number | string>>
  /** Share of connections, 0 to 1; all when left out. */
  readonly toxicity?: number
}

export type LinkBytes = Readonly<Record<Direction, number>>

/** A Toxiproxy in use. Methods reject with `ApiError` when it refuses, with `Error` when it doesn't answer. */
export interface Toxiproxy {
  readonly kind: 'embedded' | 'real'
  readonly version: string
  readonly url: string
  /** What the real one could not do and what was done instead, one sentence each. */
  readonly shortfalls: readonly string[]
  /** Opens a link to `upstream` (host:port) on a free port of 127.0.0.1; resolves with its address. */
  createLink(name: string, upstream: string): Promise<string>
  /** Uses a link that somebody else made; resolves with its upstream (host:port). Rejects when there is no such link. */
  adoptLink(name: string): Promise<string>
  /** Delays data by `oneWayMs` in each direction, and connecting by one round trip where that can be done. */
  addLatency(link: string, oneWayMs: number): Promise<void>
  /** Takes back what `addLatency` did. */
  removeLatency(link: string): Promise<void>
  addToxic(link: string, toxic: ToxicRequest): Promise<void>
  updateToxic(link: string, toxic: string, attributes: ToxicRequest['attributes']): Promise<void>
  /** Doesn't mind when it is gone already. */
  removeToxic(link: string, toxic: string): Promise<void>
  /** Disabled, a link refuses connections, and those it had are closed. */
  setEnabled(link: string, enabled: boolean): Promise<void>
  removeLink(link: string): Promise<void>
  /**
   * How much the toxic touched since it was added. Embedded: connections on which it dropped, held back, cut or
   * altered something. Real: bytes of connections that ended since then, as that is all it tells.
   */
  touched(link: string, toxic: string): Promise<number>
  /** Bytes sent on, by link, since the link was created or adopted. A real Toxiproxy adds a connection's when it ends. */
  bytesByLink(): Promise<ReadonlyMap<string, LinkBytes>>
  stop(): Promise<void>
  /** Resolves with how it ended, in words, when its process ends; never for one that was only attached to. */
  readonly exited: Promise<string>
}

export type Control = Omit<Toxiproxy, 'stop' | 'exited'> & { removeAllLinks(): Promise<void> }

/** Takes control of the server at `url`. Rejects when nothing there answers as Toxiproxy does. */
export async function control(url: string): Promise<Control> {
  const client = new Client(url)
  client.api = httpClient as unknown as typeof client.api
  const version = await versionOf(client)
  const kind = (await isEmbedded(url)) ? 'embedded' : 'real'
  const links = new Set<string>()
  const adopted = new Set<string>()
  const bytesWhenAdopted = new Map<string, LinkBytes>()
  const connectDelays = new Map<string, number>()
  const shortfalls = new Set<string>()
  const at = (link: string, rest = '') => `${url}/proxies/${encodeURIComponent(link)}${rest}`
  const bytesWhenAdded = new Map<string, number>()

  const bytesByLink = async () => {
    const all = readLinkBytes(await httpClient.getText(`${url}/metrics`))
    return new Map([...links].map((link) => [link, difference(all.get(link), bytesWhenAdopted.get(link))]))
  }
  const allBytesOf = async (link: string) => {
    const bytes = (await bytesByLink()).get(link)
    return bytes === undefined ? 0 : bytes.upstream + bytes.downstream
  }

  const self: Control = {
    kind,
    version,
    url,
    get shortfalls() {
      return [...shortfalls]
    },
    async createLink(name, upstream) {
      const proxy = await client.createProxy({ name, listen: '127.0.0.1:0', upstream })
      links.add(name)
      return proxy.listen
    },
    async adoptLink(name) {
      const { data } = await httpClient.get(at(name))
      links.add(name)
      bytesWhenAdopted.set(name, (await bytesByLink()).get(name)!)
      adopted.add(name)
      return data.upstream
    },
    async addLatency(link, oneWayMs) {
      for (const stream of ['upstream', 'downstream'] as const) {
        const attributes = { latency: oneWayMs, jitter: 0 }
        await self.addToxic(link, { name: `distance_${stream}`, type: 'latency', stream, attributes })
      }
      if (kind === 'embedded') {
        connectDelays.set(link, (await httpClient.get(at(link))).data.connect_delay ?? 0)
        await httpClient.post(at(link), { connect_delay: 2 * oneWayMs })
      } else shortfalls.add('a real Toxiproxy delays data only: connecting costs no round trip')
    },
    async removeLatency(link) {
      for (const stream of ['upstream', 'downstream']) await self.removeToxic(link, `distance_${stream}`)
      const connectDelay = connectDelays.get(link)
      if (connectDelay !== undefined) await httpClient.post(at(link), { connect_delay: connectDelay })
    },
    async addToxic(link, toxic) {
      if (kind === 'real') refuseExtensions(toxic)
      if (kind === 'real') bytesWhenAdded.set(`${link}/${toxic.name}`, await allBytesOf(link))
      const proxy = await client.get(link)
      await proxy.addToxic({ toxicity: 1, ...toxic } as Parameters<typeof proxy.addToxic>[0])
    },
    async updateToxic(link, toxic, attributes) {
      await httpClient.post(at(link, `/toxics/${encodeURIComponent(toxic)}`), { attributes })
    },
    async removeToxic(link, toxic) {
      await ignoreMissing(httpClient.delete(at(link, `/toxics/${encodeURIComponent(toxic)}`)))
    },
    async setEnabled(link, enabled) {
      await httpClient.post(at(link), { enabled })
    },
    async removeLink(link) {
      await ignoreMissing(httpClient.delete(at(link)))
      links.delete(link)
    },
    async touched(link, toxic) {
      if (kind === 'real') return (await allBytesOf(link)) - (bytesWhenAdded.get(`${link}/${toxic}`) ?? 0)
      const { data } = await httpClient.get(at(link, '/connections'))
      return data.touched[toxic]?.connections ?? 0
    },
    bytesByLink,
    async removeAllLinks() {
      for (const link of links) if (!adopted.has(link)) await self.removeLink(link)
    },
  }
  return self
}

/** The version, which toxiproxy-node-client hands on as the JSON text it came in. */
async function versionOf(client: Client): Promise<string> {
  return JSON.parse(await client.getVersion()).version
}

async function isEmbedded(url: string): Promise<boolean> {
  try {
    return (await httpClient.get(`${url}/breakwater`)).data !== undefined
  } catch (error) {
    if (error instanceof ApiError) return false
    throw error
  }
}

async function ignoreMissing(removal: Promise<void>): Promise<void> {
  try {
    await removal
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
  }
}

/** A real Toxiproxy refuses an unknown type but ignores an unknown attribute in silence. */
function refuseExtensions({ type, attributes }: ToxicRequest): void {
  const kind = kinds.get(type)
  const words = Object.keys(attributes).filter((name) => kind?.fields[name]?.type === 'word')
  const what = kind?.extension ? `the toxic ${type}` : words.map((name) => `${name} of ${type}`)[0]
  if (what === undefined) return
  throw new UsageError(`${what} needs the embedded Toxiproxy: use --toxiproxy embedded`)
}

const sentLine =
  /^toxiproxy_proxy_sent_bytes_total\{direction="(upstream|downstream)",.*proxy="([^"]*)".*\} (\S+)$/gm

const noBytes: LinkBytes = { upstream: 0, downstream: 0 }

function difference(now = noBytes, before = noBytes): LinkBytes {
  return { upstream: now.upstream - before.upstream, downstream: now.downstream - before.downstream }
}

function readLinkBytes(metrics: string): Map<string, LinkBytes> {
  const byLink = new Map<string, LinkBytes>()
  for (const [, direction, link, bytes] of metrics.matchAll(sentLine)) {
    const known = byLink.get(link!) ?? { upstream: 0, downstream: 0 }
    byLink.set(link!, { ...known, [direction!]: known[direction as Direction] + Number(bytes) })
  }
  return byLink
}
