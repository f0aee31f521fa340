// The origin as a process: `node harness/origins/main.ts CONFIG.json`. Seeds the store, starts the backend, the TLS
// front and the control, and prints one JSON line when all of them listen. SIGTERM ends it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes, UsageError } from '../errors.ts'
import { startAdmin } from './admin.ts'
import { makeAuthority } from './authority.ts'
import { defaultDataset, userDataset } from './dataset.ts'
import { openExternalBackend } from './external.ts'
import { externalPlace } from './external-s3.ts'
import { startFront } from './front.ts'
import { originHost } from './handle.ts'
import { Misbehaviour } from './misbehaviour.ts'
import { RequestLog } from './request-log.ts'
import type { RunningBackend } from './s3-request.ts'
import { startS3rver, storeRoot } from './s3rver.ts'
import { plantObject } from './s3rver-store.ts'
import { seed, writeManifest } from './seeding.ts'
import type { OriginConfig, ReadyLine } from './start.ts'
import { type Plant, syntheticBody, withSynthetic } from './synthetic.ts'
import { sizedObjects, syntheticObjects } from './synthetic-objects.ts'

/** The store with its objects in place, and their manifest written. */
async function startBackend(config: OriginConfig, manifestFile: string): Promise<RunningBackend> {
  const { dir, bucket } = config
  if (config.kind === 'external') {
    const place = externalPlace(config.url ?? '', process.env)
    const { running, objects } = await openExternalBackend(place, bucket)
    // Multipart uploads and encryption give others.
    await writeManifest(objects, manifestFile, 'unknown')
    return running
  }
  const large = sizedObjects(config.seed, config.largeObjects)
  const root = storeRoot(dir)
  const plant: Plant = (key, body, md5) => plantObject(root, bucket, key, body, md5)
  if (config.kind === 'synthetic') {
    if (config.dataset !== null) throw new UsageError('--dataset has no use with --origin synthetic')
    const objects = [...syntheticObjects(config.seed, config.objects), ...large]
    await writeManifest(objects, manifestFile)
    return withSynthetic(objects, bucket, await startS3rver(dir, bucket), plant)
  }
  const files = config.dataset === null ? await defaultDataset() : await userDataset(config.dataset)
  const objects = await seed(files, plant)
  for (const object of large) await plant(object.key, syntheticBody(object), object.md5)
  await writeManifest([...objects, ...large], manifestFile)
  return startS3rver(dir, bucket)
}

async function run(config: OriginConfig): Promise<void> {
  const { dir, bucket, credentials } = config
  const running = await startBackend(config, join(dir, 'manifest.ndjson'))
  const authority = await makeAuthority(dir)
  const misbehaviour = new Misbehaviour(config.seed)
  const log = new RequestLog()
  const front = await startFront({
    port: config.port,
    certificates: await authority.issueAll(originHost),
    credentials,
    backend: running.backend,
    misbehaviour,
    log,
  })
  const admin = await startAdmin({
    misbehaviour,
    log,
    setCertificate: front.setCertificate,
    handshakes: front.handshakes,
    holds: (key) => running.holds(bucket, key),
  })
  process.once('SIGTERM', async () => {
    admin.stop()
    await front.stop()
    await running.stop()
  })
  const ready: ReadyLine = { ready: true, tlsAddress: front.address, adminUrl: admin.url }
  console.log(JSON.stringify(ready))
}

try {
  await run(JSON.parse(readFileSync(process.argv[2]!, 'utf8')))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(error.message)
  // The store may listen already.
  process.exit(exitCodes.usage)
}
