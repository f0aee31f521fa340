// The AWS SDK for JavaScript v3 with its default settings, as a client of the table.
import { createReadStream, createWriteStream, readFileSync } from 'node:fs'
import { get, Agent as HttpAgent } from 'node:http'
import { get as getTls, Agent as HttpsAgent } from 'node:https'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { connect as connectTls } from 'node:tls'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { BoundClient, ClientKind, ClientTarget } from './clients.ts'

export const awsSdk: ClientKind = {
  name: 'AWS SDK for JavaScript v3',
  command: null,
  bind: async (target) => bindSdk(target),
}

/** Agents that connect to the target's address under the target's name. */
function agentsFor(target: ClientTarget): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } {
  const [host, port] = target.address.split(':')
  const ca = readFileSync(target.caFile)
  const httpAgent = new HttpAgent({ keepAlive: true })
  httpAgent.createConnection = () => connect(Number(port), host)
  const httpsAgent = new HttpsAgent({ keepAlive: true })
  httpsAgent.createConnection = () =>
    connectTls({ host, port: Number(port), servername: target.host, ca, ALPNProtocols: ['http/1.1'] })
  return { httpAgent, httpsAgent }
}

/** An S3Client of default settings, but for where it connects. */
export function sdkClientFor(target: ClientTarget): S3Client {
  return new S3Client({
    endpoint: `${target.scheme}://${target.host}`,
    region: target.region,
    forcePathStyle: true,
    credentials: {
      accessKeyId: target.credentials.accessKey,
      secretAccessKey: target.credentials.secretKey,
    },
    requestHandler: agentsFor(target),
  })
}

function bindSdk(target: ClientTarget): BoundClient {
  const client = sdkClientFor(target)
  const { bucket: Bucket } = target
  const upload = async (Key: string, file: string, partSize: number) => {
    const params = { Bucket, Key, Body: createReadStream(file) }
    await new Upload({ client, params, partSize, leavePartsOnError: true }).done()
  }
  const bodyOf = async (Key: string, Range?: string) =>
    (await client.send(new GetObjectCommand({ Bucket, Key, ...(Range && { Range }) }))).Body as Readable
  return {
    put: (key, file) => upload(key, file, 64 * 2 ** 20),
    get: async (key, file) => pipeline(await bodyOf(key), createWriteStream(file)),
    getRange: async (key, first, last) => buffer(await bodyOf(key, `bytes=${first}-${last}`)),
    async head(Key) {
      const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key }))
      return { bytes: ContentLength! }
    },
    async list(Prefix) {
      const keys: string[] = []
      const pages = paginateListObjectsV2({ client, pageSize: 2 }, { Bucket, Prefix })
      for await (const { Contents = [] } of pages) keys.push(...Contents.map(({ Key }) => Key!))
      return keys
    },
    putInParts: (key, file) => upload(key, file, 5 * 2 ** 20),
    async copy(from, Key) {
      const CopySource = `${Bucket}/${encodeURIComponent(from)}`
      await client.send(new CopyObjectCommand({ Bucket, Key, CopySource }))
    },
    async remove(Key) {
      await client.send(new DeleteObjectCommand({ Bucket, Key }))
    },
    async presignedGet(Key) {
      const command = new GetObjectCommand({ Bucket, Key })
      const url = await getSignedUrl(client as never, command as never, { expiresIn: 60 })
      return fetchUrl(url, target)
    },
    close: async () => client.destroy(),
  }
}

function fetchUrl(url: string, target: ClientTarget): Promise<Buffer> {
  const { httpAgent, httpsAgent } = agentsFor(target)
  return new Promise((resolve, reject) => {
    const onAnswer = (answer: Readable & { statusCode?: number }) => {
      if (answer.statusCode === 200) resolve(buffer(answer))
      else reject(new Error(`a presigned URL was answered ${answer.statusCode}`))
    }
    const asked =
      target.scheme === 'https'
        ? getTls(url, { agent: httpsAgent }, onAnswer)
        : get(url, { agent: httpAgent }, onAnswer)
    asked.on('error', reject)
  })
}
