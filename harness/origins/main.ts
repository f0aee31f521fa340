// The origin as a process: `node harness/origins/main.ts CONFIG.json`. Seeds the store, starts the backend, the TLS
// front and the control, and prints one JSON line when all of them listen. SIGTERM ends it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exitCodes, UsageError } from '../errors.ts'
import { startAdmin } from './admin.ts'
import { makeAuthority, type ServerCertificate } from './authority.ts'
import { defaultDataset, userDataset } from './dataset.ts'
import { startFront } from './front.ts'
import { type CertificateKind, certificateKinds, originHost } from './handle.ts'
import { Misbehaviour } from './misbehaviour.ts'
import { RequestLog } from './request-log.ts'
import { startS3rver, storeRoot } from './s3rver.ts'
import { plantObject } from './s3rver-store.ts'
import { seed } from './seeding.ts'
import type { OriginConfig, ReadyLine } from './start.ts'

async function run(config: OriginConfig): Promise<void> {
  const { dir, bucket, credentials } = config
  const files = config.dataset === null ? await defaultDataset() : await userDataset(config.dataset)
  const root = storeRoot(dir)
  await seed(files, join(dir, 'manifest.ndjson'), (key, body, md5) =>
    plantObject(root, bucket, key, body, md5),
  )

  const authority = await makeAuthority(dir)
  const certificates = new Map<CertificateKind, ServerCertificate>()
  for (const kind of certificateKinds) certificates.set(kind, await authority.issue(originHost, kind))
  const running = await startS3rver(dir, bucket)
  const misbehaviour = new Misbehaviour(config.seed)
  const log = new RequestLog()
  const front = await startFront({
    port: config.port,
    certificate: certificates.get('good')!,
    credentials,
    backend: running.backend,
    misbehaviour,
    log,
  })
  const admin = await startAdmin({
    misbehaviour,
    log,
    setCertificate: (kind) => front.setCertificate(certificates.get(kind)!),
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
  process.exitCode = exitCodes.usage
}
