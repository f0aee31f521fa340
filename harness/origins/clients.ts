// Real S3 clients, as one table that can be pointed at any endpoint: straight at the origin, or through a proxy, whose
// answers are then compared with going direct.
import { createHash } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import type { Credentials } from './handle.ts'

/** Where a client's requests go. It signs `host` and nothing else, whatever the address. */
export interface ClientTarget {
  readonly scheme: 'http' | 'https'
  /** `127.0.0.1:PORT` */
  readonly address: string
  readonly host: string
  readonly caFile: string
  readonly credentials: Credentials
  readonly region: string
  readonly bucket: string
}

/** One client bound to a target. What a client can't do is null. */
export interface BoundClient {
  put(key: string, file: string): Promise<void>
  /** The body, written to a file. */
  get(key: string, file: string): Promise<void>
  getRange: ((key: string, first: number, last: number) => Promise<Uint8Array>) | null
  head(key: string): Promise<{ bytes: number }>
  list(prefix: string): Promise<string[]>
  /** In several parts. */
  putInParts(key: string, file: string): Promise<void>
  copy(from: string, to: string): Promise<void>
  remove(key: string): Promise<void>
  presignedGet: ((key: string) => Promise<Uint8Array>) | null
  close(): Promise<void>
}

export interface ClientKind {
  readonly name: string
  /** The command that must be on PATH; null when it is a library. */
  readonly command: string | null
  /** `scratch` is a folder of the client's own. */
  bind(target: ClientTarget, scratch: string): Promise<BoundClient>
}

/** Why a client can't be tried on this machine; false when it can. */
export function missingClient({ command }: ClientKind): string | false {
  return command === null || isOnPath(command) ? false : `${command} not found on PATH`
}

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** What came back of each step, digested. */
export type Observations = Readonly<Record<string, unknown>>

const oddName = 'it’s a (small) key+~.map'
const smallBody = Buffer.from('{"version":3,"sources":["é"]}\n'.repeat(400))

/** The body of an upload in parts: 11 MiB that don't repeat. */
export function largeBody(): Buffer {
  const block = createHash('sha512').update('breakwater').digest()
  const body = Buffer.alloc(11 * 2 ** 20 + 17)
  for (let i = 0; i < body.length; i += 64) {
    block.writeUInt32BE(i, 0)
    block.copy(body, i)
  }
  return body
}

/**
 * Has a client do everything once, below `prefix`: put, get, range get, head, list, upload in parts, copy, delete,
 * presigned get. The same observations must come whatever stands between the client and S3.
 */
export async function exercise(client: BoundClient, prefix: string, scratch: string): Promise<Observations> {
  const file = async (name: string, body: Uint8Array) => {
    const path = join(scratch, name)
    await writeFile(path, body)
    return path
  }
  const fetched = async (key: string) => {
    const path = join(scratch, 'fetched')
    await client.get(key, path)
    return digest(await readFile(path))
  }
  const small = `${prefix}${oddName}`
  const large = `${prefix}large.bin`
  const copied = `${prefix}copied`
  await client.put(small, await file('small', smallBody))
  await client.putInParts(large, await file('large', largeBody()))
  await client.copy(small, copied)
  const seen: Record<string, unknown> = {
    get: await fetched(small),
    'get again': await fetched(small),
    'get in parts': await fetched(large),
    'get copied': await fetched(copied),
    head: await client.head(small),
    list: (await client.list(prefix)).toSorted(),
  }
  if (client.getRange) seen.range = digest(await client.getRange(large, 100_000, 5_300_000))
  if (client.presignedGet) seen.presigned = digest(await client.presignedGet(small))
  await client.remove(copied)
  seen['list after delete'] = (await client.list(prefix)).toSorted()
  await client.put(small, await file('small', smallBody.subarray(1)))
  seen['get after overwrite'] = await fetched(small)
  return seen
}

/** What `exercise` observes when nothing is wrong. */
export function expectedObservations(client: BoundClient, prefix: string): Observations {
  const small = digest(smallBody)
  const names = [`${prefix}${oddName}`, `${prefix}large.bin`]
  return {
    get: small,
    'get again': small,
    'get in parts': digest(largeBody()),
    'get copied': small,
    head: { bytes: smallBody.length },
    list: [...names, `${prefix}copied`].toSorted(),
    ...(client.getRange && { range: digest(largeBody().subarray(100_000, 5_300_001)) }),
    ...(client.presignedGet && { presigned: small }),
    'list after delete': names.toSorted(),
    'get after overwrite': digest(smallBody.subarray(1)),
  }
}

function digest(body: Uint8Array): string {
  return `${body.length} bytes ${createHash('sha256').update(body).digest('hex')}`
}
