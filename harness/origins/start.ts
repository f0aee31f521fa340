// Starts the origin in a process of its own and gives the runner its handle on it, or a handle on one that runs already.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import { exitCodes, messageOf, UsageError } from '../errors.ts'
import { type Group, startGroup, tailOf } from '../systems/process-group.ts'
import { type Credentials, type OriginHandle, type OriginOptions, originHost } from './handle.ts'

/** A large data set takes a while to be read and digested. */
const readyDeadlineMs = 120_000
const pollMs = 20
/** Much longer than any answer takes; an origin that is silent for so long is stuck. */
const controlTimeoutMs = 30_000

/** The bucket all objects of a run are in. */
const bucket = 'artifacts'

/** Of the synthetic origin, some 250 MB in all, when nobody says otherwise. */
const defaultObjects = 4000

/** What the origin's process reads at its start. */
export interface OriginConfig {
  readonly kind: OriginOptions['kind']
  readonly dir: string
  readonly dataset: string | null
  readonly url: string | null
  readonly largeObjects: readonly number[]
  /** How many the synthetic origin has. */
  readonly objects: number
  readonly seed: number
  readonly port: number
  readonly bucket: string
  readonly credentials: Credentials
}

/** What it prints when it listens. */
export interface ReadyLine {
  readonly ready: true
  readonly tlsAddress: string
  readonly adminUrl: string
}

/** What a handle is made of, beside what can be asked of the origin itself. */
export type OriginFacts = Omit<
  OriginHandle,
  'exited' | 'stop' | 'holds' | 'requestLog' | 'handshakes' | `${'set' | 'clear'}${string}`
>

/**
 * Resolves when every object is in place and the origin listens. Throws a UsageError for a data set that can't be used,
 * and the reason of `stopped` when that is aborted first; nothing is left running then.
 */
export async function startOrigin(options: OriginOptions, stopped?: AbortSignal): Promise<OriginHandle> {
  const { dir } = options
  await mkdir(dir, { recursive: true })
  const config: OriginConfig = {
    kind: options.kind,
    dir,
    dataset: options.dataset ?? null,
    url: options.url ?? null,
    largeObjects: options.largeObjects ?? [],
    objects: options.objects ?? defaultObjects,
    seed: options.seed,
    port: options.port ?? 0,
    bucket,
    credentials: { accessKey: 'BREAKWATERRUN', secretKey: `run-secret-${options.seed}` },
  }
  const configFile = join(dir, 'origin.json')
  await writeFile(configFile, JSON.stringify(config), { mode: 0o600 })
  const logFile = join(dir, 'origin.log')
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const group = await startGroup([process.execPath, main, configFile], dir, logFile)
  const { tlsAddress, adminUrl } = await untilReady(group, stopped)
  const facts = {
    kind: options.kind,
    tlsAddress,
    adminUrl,
    host: originHost,
    caFile: join(dir, 'ca.pem'),
    credentials: config.credentials,
    bucket,
    manifestFile: join(dir, 'manifest.ndjson'),
    pid: group.pid,
    logFile,
  }
  return { ...facts, ...controlsOf(adminUrl), exited: group.ended, stop: () => group.stop() }
}

/** What can be asked of a running origin. */
export function controlsOf(adminUrl: string): Omit<OriginHandle, keyof OriginFacts | 'exited' | 'stop'> {
  return {
    setFault: (fault) => control(adminUrl, 'PUT', '/faults', fault),
    clearFault: (id) => control(adminUrl, 'DELETE', `/faults/${encodeURIComponent(id)}`),
    clearFaults: () => control(adminUrl, 'DELETE', '/faults'),
    setCertificate: (kind) => control(adminUrl, 'PUT', '/certificate', { kind }),
    handshakes: () => control(adminUrl, 'GET', '/handshakes'),
    requestLog: (after) => control(adminUrl, 'GET', `/log?after=${after}`),
    holds: async (key) => {
      const path = `/object?key=${encodeURIComponent(key)}`
      return (await control<{ object: { bytes: number; md5: string } | null }>(adminUrl, 'GET', path)).object
    },
  }
}

async function untilReady(group: Group, stopped?: AbortSignal): Promise<ReadyLine> {
  const deadline = performance.now() + readyDeadlineMs
  let how: string | undefined
  void group.ended.then((words) => {
    how = words
  })
  for (;;) {
    const line = (await readFile(group.logFile, 'utf8'))
      .split('\n')
      .find((text) => text.startsWith('{"ready"'))
    if (line !== undefined) return JSON.parse(line)
    if (how === `exit code ${exitCodes.usage}`) throw new UsageError(tailOf(group.logFile, 1))
    if (how !== undefined) throw new Error(`the origin ended before it was ready:\n${tailOf(group.logFile)}`)
    if (stopped?.aborted) {
      await group.stop(0)
      throw stopped.reason
    }
    if (performance.now() > deadline) {
      await group.stop(0)
      throw new Error(`the origin was not ready after ${readyDeadlineMs / 1000} s:\n${tailOf(group.logFile)}`)
    }
    await sleep(pollMs)
  }
}

/** One call of the origin's control; its answer as it came. Rejects when there is none within 30 s. */
async function control<T>(
  adminUrl: string,
  method: 'GET' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await request(`${adminUrl}${path}`, {
    method,
    headersTimeout: controlTimeoutMs,
    bodyTimeout: controlTimeoutMs,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error) => {
    throw new Error(`the origin's control: ${method} ${path} failed: ${messageOf(error)}`, { cause: error })
  })
  const result = (await answer.body.json()) as T & { error?: string }
  if (answer.statusCode !== 200) throw new Error(`the origin's control: ${result.error}`)
  return result
}
