// The bodies of requests and answers: what a client may send, what it gets, and the texts when it is wrong.
import {
  badRequestBody,
  invalidStream,
  invalidToxicType,
  missingField,
  toxicAlreadyExists,
} from './api-error.ts'
import { cannotUnmarshal, member, members, parseGoJson, shortestFloat32 } from './go-json.ts'
import type { ProxySettings, TcpProxy } from './proxy.ts'
import { kinds } from './toxics/kinds.ts'
import type { Attributes, Direction, Field, Toxic, ToxicKind } from './toxics/toxic.ts'

export interface ProxyInput extends ProxySettings {
  readonly name: string
  /** Of breakwater only: Toxiproxy ignores toxics here. */
  readonly toxics: readonly Toxic[]
}

const newProxy: ProxySettings = { listen: '', upstream: '', enabled: true, connectDelayMs: 0 }

/** Errors of reading become a 400 with Go's words after "bad request body: ". */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && error.name === 'Error') throw badRequestBody(error.message)
    throw error
  }
}

export function readNewProxy(body: Buffer): ProxyInput {
  const input = reading(() => proxyFrom(parseGoJson(body), aProxy, 'Proxy'))
  if (input.name === '') throw missingField('name')
  if (input.upstream === '') throw missingField('upstream')
  return input
}

const aProxy = 'value of type toxiproxy.Proxy'

/** A change of a proxy: what is absent stays as it is; a name or toxics mean nothing here. */
export function readProxyChange(body: Buffer, base: ProxySettings): ProxySettings {
  return reading(() => {
    const from = members(parseGoJson(body), aProxy)
    member(from, 'name', 'string', '', 'Proxy')
    return settingsFrom(from, base, 'Proxy', 'Proxy')
  })
}

/** `owner` and `ownerOfEnabled` are the Go structs of the members, for the errors. */
function proxyFrom(value: unknown, into: string, owner: string, ownerOfEnabled = owner): ProxyInput {
  const from = members(value, into)
  const name = member(from, 'name', 'string', '', owner)
  return {
    name,
    ...settingsFrom(from, newProxy, owner, ownerOfEnabled),
    toxics: toxicsFrom(from.get('toxics')),
  }
}

function settingsFrom(
  from: ReadonlyMap<string, unknown>,
  base: ProxySettings,
  owner: string,
  ownerOfEnabled: string,
): ProxySettings {
  members(from.get('logger'), `struct field ${owner}.Logger of type zerolog.Logger`)
  return {
    listen: member(from, 'listen', 'string', base.listen, owner),
    upstream: member(from, 'upstream', 'string', base.upstream, owner),
    enabled: member(from, 'enabled', 'bool', base.enabled, ownerOfEnabled),
    connectDelayMs: member(from, 'connect_delay', 'int64', base.connectDelayMs, owner),
  }
}

function toxicsFrom(value: unknown): Toxic[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw cannotUnmarshal(value, 'struct field Proxy.toxics of type []toxics.Toxic')
  const names: string[] = []
  return value.map((entry) => {
    const toxic = toxicFrom(entry, names)
    names.push(toxic.name)
    return toxic
  })
}

const populateType = '[]struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'

/** All entries are checked before anything is made of the first. */
export function readPopulate(body: Buffer): ProxyInput[] {
  const inputs = reading(() => {
    const value = parseGoJson(body) ?? []
    if (!Array.isArray(value)) throw cannotUnmarshal(value, `value of type ${populateType}`)
    const into = 'value of type struct { toxiproxy.Proxy; Enabled *bool "json:\\"enabled\\"" }'
    return value.map((entry) => proxyFrom(entry, into, '.Proxy', ''))
  })
  for (const [index, input] of inputs.entries()) {
    if (input.name === '') throw missingField(`name at proxy ${index + 1}`)
    if (input.upstream === '') throw missingField(`upstream at proxy ${index + 1}`)
  }
  return inputs
}

/** `names` are those in use on the proxy. */
export function readNewToxic(body: Buffer, names: readonly string[]): Toxic {
  return reading(() => toxicFrom(parseGoJson(body), names))
}

/** In Toxiproxy's order: types of the fields, stream, kind, name; the attributes come last, once the kind is known. */
function toxicFrom(value: unknown, names: readonly string[]): Toxic {
  const from = members(value, 'value of type toxics.ToxicWrapper')
  const text = (name: string, fallback: string) => member(from, name, 'string', fallback, 'ToxicWrapper')
  const type = text('type', '')
  const given = text('name', '')
  const stream = text('stream', 'downstream')
  const toxicity = member(from, 'toxicity', 'float32', 1, 'ToxicWrapper')
  members(from.get('attributes'), 'struct field ToxicWrapper.attributes of type toxics.NoopToxic')
  const direction = directionOf(stream)
  const kind = kinds.get(type)
  if (kind === undefined) throw invalidToxicType()
  const name = given || `${type}_${stream}`
  if (names.includes(name)) throw toxicAlreadyExists()
  const attributes = attributesFrom(from.get('attributes'), kind, zeroAttributes(kind))
  return { name, type, stream, direction, toxicity, attributes, shared: { freeAtMs: 0 } }
}

function directionOf(stream: string): Direction {
  const direction = stream.toLowerCase()
  if (direction !== 'upstream' && direction !== 'downstream') throw invalidStream()
  return direction
}

function zeroAttributes({ fields }: ToxicKind): Attributes {
  const zeroes = Object.entries(fields).filter(([, field]) => field.type !== 'word')
  return Object.fromEntries(zeroes.map(([name]) => [name, 0]))
}

function attributesFrom(value: unknown, kind: ToxicKind, base: Attributes): Attributes {
  const from = members(value, `struct field .attributes of type toxics.${kind.goType}`)
  const attributes = Object.fromEntries(
    Object.entries(kind.fields).map(([name, field]) => [
      name,
      attributeFrom(from, name, field, base[name], `${kind.goType}.attributes`),
    ]),
  )
  const refusal = kind.refuse?.(attributes)
  if (refusal !== undefined) throw new Error(refusal)
  return attributes
}

function attributeFrom(
  from: ReadonlyMap<string, unknown>,
  name: string,
  field: Field,
  base: number | string | undefined,
  owner: string,
): number | string | undefined {
  if (field.type !== 'word') return member(from, name, field.type, base as number, owner)
  const word = member(from, name, 'string', (base as string | undefined) ?? '', owner)
  if (word === '' || field.words.includes(word)) return word || undefined
  throw new Error(`${name} must be one of ${field.words.join(', ')}, got "${word}"`)
}

const toxicChangeType =
  'struct { Attributes interface {} "json:\\"attributes\\""; Toxicity float32 "json:\\"toxicity\\"" }'

/** A change of a toxic: only `attributes`, member by member, and `toxicity`. */
export function readToxicChange(body: Buffer, toxic: Toxic): Pick<Toxic, 'attributes' | 'toxicity'> {
  return reading(() => {
    const from = members(parseGoJson(body), `value of type ${toxicChangeType}`)
    return {
      attributes: attributesFrom(from.get('attributes'), kinds.get(toxic.type)!, toxic.attributes),
      toxicity: member(from, 'toxicity', 'float32', toxic.toxicity, ''),
    }
  })
}

/** A toxic as Toxiproxy prints it, in its order of keys. */
export function toxicBody({ attributes, name, type, stream, toxicity }: Toxic): Record<string, unknown> {
  return { attributes, name, type, stream, toxicity: shortestFloat32(toxicity) }
}

/** A proxy as Toxiproxy prints it; `Logger` really is there. `connect_delay` appears only when there is one. */
export function proxyBody({ name, settings, toxics }: TcpProxy): Record<string, unknown> {
  const { listen, upstream, enabled, connectDelayMs } = settings
  const delay = connectDelayMs > 0 ? { connect_delay: connectDelayMs } : {}
  return { name, listen, upstream, enabled, Logger: {}, ...delay, toxics: toxics.map(toxicBody) }
}

/** An object with its keys in byte order, as Go prints a map. */
export function sortedByName(proxies: readonly TcpProxy[]): TcpProxy[] {
  return proxies.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}
