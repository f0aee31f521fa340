// Real S3 clients through a cache process, in front of an origin that checks every signature as S3 does: what they see
// must be what they see when they talk to the origin itself.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { findCommand } from '../../harness/doctor.ts'
import { type ClientKind, exercise, expectedObservations } from '../../harness/origins/clients.ts'
import { commandLineClients } from '../../harness/origins/clients-cli.ts'
import { awsSdk } from '../../harness/origins/clients-sdk.ts'
import { originRegion } from '../../harness/origins/handle.ts'
import { startOrigin } from '../../harness/origins/start.ts'
import type { AuthorisationMode } from '../policy/authorisation.ts'
import { endProcess, spawnTiedAloud } from '../testing/tied-process.ts'

type RunningOrigin = Awaited<ReturnType<typeof startOrigin>>

/** A cache process of its own in front of the origin; resolves with its address. */
async function startCache(
  t: Test,
  dir: string,
  origin: RunningOrigin,
  mode: AuthorisationMode,
): Promise<string> {
  const { accessKey, secretKey } = origin.credentials
  const keys = mode === 'verify' ? [{ access_key: accessKey, secret_key: secretKey }] : []
  const config = {
    listen: '127.0.0.1:0',
    origin: {
      url: `https://${origin.tlsAddress}`,
      ca: origin.caFile,
      server_name: origin.host,
      first_byte_timeout: '10s',
    },
    deadline: '10s',
    hosts: [origin.host],
    region: originRegion,
    store: { path: path.join(dir, 'store'), max_size: '1g' },
    freshness: { valid: [{ time: '1h' }, { status: [404], time: '10s' }] },
    authorisation: { mode, keys },
  }
  const file = path.join(dir, 'cache.yaml')
  writeFileSync(file, JSON.stringify(config))
  const main = path.resolve(import.meta.dirname, '../main.ts')
  const child = spawnTiedAloud([main, 'cache', '--config', file])
  t.teardown(() => endProcess(child))
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /listening on (\S+)/.exec(line)?.[1]
    if (address) return address
  }
  throw new Error('the cache ended before it was ready')
}

const folders = (process.env.PATH ?? '').split(path.delimiter)

const missing = ({ command }: ClientKind) =>
  command !== null && findCommand(command, folders) === null ? `${command} not found on PATH` : false

t.setTimeout(110_000)

const cases: [AuthorisationMode, readonly ClientKind[]][] = [
  ['verify', [awsSdk, ...commandLineClients]],
  ['revalidate', [awsSdk]],
  ['network', [awsSdk]],
]

t.test(
  'real clients see through the cache what they see of the origin itself',
  { timeout: 110_000 },
  async (t) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'clients-'))
    t.teardown(() => rmSync(dir, { recursive: true }))
    for (const folder of ['data', 'origin', ...cases.map(([mode]) => mode)]) mkdirSync(path.join(dir, folder))
    for (const name of ['a', 'b']) writeFileSync(path.join(dir, 'data', name), name)
    const origin = await startOrigin({
      kind: 's3rver',
      dir: `${dir}/origin`,
      dataset: `${dir}/data`,
      seed: 1,
    })
    t.teardown(() => origin.stop())
    for (const [mode, kinds] of cases) {
      const address = await startCache(t, path.join(dir, mode), origin, mode)
      for (const kind of kinds) {
        await t.test(`${kind.name}, mode ${mode}`, { skip: missing(kind), timeout: 200_000 }, async (t) => {
          const scratch = path.join(dir, mode, kind.command ?? 'sdk')
          mkdirSync(scratch)
          const client = await kind.bind(
            { ...origin, scheme: 'http', address, region: originRegion },
            scratch,
          )
          t.teardown(() => client.close())
          const prefix = `${mode}/${kind.command ?? 'sdk'}/`
          t.same(await exercise(client, prefix, scratch), expectedObservations(client, prefix))
        })
      }
    }
  },
)
