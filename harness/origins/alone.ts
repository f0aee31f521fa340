// `breakwater origin`: the origin on a fixed port, by itself, for a deployment that runs already to read from.

import { once } from 'node:events'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../errors.ts'
import { publishOrigin } from './attach.ts'
import type { OriginHandle, OriginOptions } from './handle.ts'
import { startOrigin } from './start.ts'

export interface AloneOptions extends Pick<OriginOptions, 'kind' | 'url' | 'dataset' | 'seed'> {
  readonly port: number
  /** Made at the start and removed at the end: the authority's file, the manifest, the objects. */
  readonly dir: string
}

/** Serves until Ctrl-C, SIGTERM or SIGHUP, then leaves nothing. Rejects with a UsageError for what the user can mend. */
export async function runOriginAlone(options: AloneOptions): Promise<void> {
  const dir = path.resolve(options.dir)
  if (existsSync(dir) && !(statSync(dir).isDirectory() && readdirSync(dir).length === 0)) {
    throw new UsageError(`${dir} is no empty folder and is left as it is; name another with --dir`)
  }
  const asked = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, () => asked.abort())
  try {
    // Not recursive: that never returns under /proc.
    await mkdir(dir).catch((error) => {
      if (error.code === 'EEXIST') return
      throw new UsageError(`can't make the folder ${dir}: ${error.code}; name another with --dir`)
    })
    await serve(dir, options, asked.signal)
  } catch (error) {
    if (error !== asked.signal.reason) throw error
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function serve(dir: string, options: AloneOptions, asked: AbortSignal): Promise<void> {
  const origin = await startOrigin({ ...options, dir }, asked)
  try {
    await publishOrigin(dir, origin)
    if (asked.aborted) return
    console.log(introduction(dir, origin))
    const end = await Promise.race([origin.exited, once(asked, 'abort').then(() => null)])
    if (end !== null) throw new Error(`the origin died (${end})`)
  } finally {
    await origin.stop()
  }
}

function introduction(
  dir: string,
  { kind, tlsAddress, host, caFile, credentials, bucket }: OriginHandle,
): string {
  return `breakwater origin (${kind}) listening on ${tlsAddress}
  over TLS only; the name in its certificate, which is also the Host to send: ${host}
  its certificate authority, made anew at each start: ${path.relative('', caFile)}
  the bucket ${bucket}, signed for with ${credentials.accessKey} and ${credentials.secretKey}
Start the deployment that reads from it, then: npx breakwater run s3-outage --system URL --origin ${path.relative('', dir)}`
}
