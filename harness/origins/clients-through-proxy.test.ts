import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request as requestPlain, type ServerResponse } from 'node:http'
import { request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { canonicalRequest, signatureOf } from '../../proxy/adapters/sigv4-canonical.ts'
import { deploy } from '../run/deployment.ts'
import type { RunOptions } from '../run/options.ts'
import { UndoStack } from '../run/undo.ts'
import { loadSystem } from '../systems/system.ts'
import {
  type ClientKind,
  type ClientTarget,
  exercise,
  expectedObservations,
  missingClient,
} from './clients.ts'
import { commandLineClients } from './clients-cli.ts'
import { awsSdk } from './clients-sdk.ts'
import { type OriginHandle, originRegion } from './handle.ts'

t.setTimeout(110_000)

const dir = t.testdir({ data: { a: 'a', b: 'b' }, work: {}, logs: {} })
const options = {
  system: 'reference',
  origin: 's3rver',
  toxiproxy: 'embedded',
  speed: 1,
  ratePerSecond: 1,
  seed: 1,
  durationSeconds: 1,
  out: null,
  dataset: `${dir}/data`,
  quiet: true,
  live: false,
  compareWith: null,
  dollarsPerGb: 0.09,
  running: null,
  ownFiles: {},
} satisfies RunOptions
const undo = new UndoStack()
t.teardown(() => undo.run())
const deployment = await deploy(loadSystem('reference'), options, `${dir}/work`, `${dir}/logs`, {
  undo,
  onTrouble: (reason) => t.fail(reason),
  onStep: () => {},
})
const { origin } = deployment

function through(address: string): ClientTarget {
  return { ...origin, scheme: 'http', address, region: originRegion }
}

async function tryClient(t: Test, kind: ClientKind, target: ClientTarget): Promise<void> {
  const name = kind.command ?? 'sdk'
  mkdirSync(`${dir}/${name}`)
  const client = await kind.bind(target, `${dir}/${name}`)
  t.teardown(() => client.close())
  t.same(
    await exercise(client, `clients/${name}/`, `${dir}/${name}`),
    expectedObservations(client, `clients/${name}/`),
  )
}

t.test('real clients see through router and cache what they see going direct', async (t) => {
  const address = new URL(deployment.entry.url).host
  for (const kind of [awsSdk, ...commandLineClients]) {
    await t.test(kind.name, { skip: missingClient(kind), timeout: 90_000 }, (t) =>
      tryClient(t, kind, through(address)),
    )
  }
})

/** An upload that signs its Expect, capital letter and all, as the AWS SDK for Go (v1) does when it sends a part again. */
async function uploadSigningExpect(entry: string, key: string): Promise<[number, string]> {
  const { credentials, host, bucket } = origin
  const method = 'PUT'
  const target = `/${bucket}/${key}`
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${amzDate.slice(0, 8)}/${originRegion}/s3/aws4_request`
  const names = ['expect', 'host', 'x-amz-content-sha256', 'x-amz-date']
  const values = ['100-Continue', host, 'UNSIGNED-PAYLOAD', amzDate]
  const headers = names.flatMap((name, i) => [name, values[i]!])
  const canonical = canonicalRequest({ method, target, headers }, names, 'UNSIGNED-PAYLOAD')
  const signature = signatureOf(canonical, amzDate, scope, credentials.secretKey)
  const who = `Credential=${credentials.accessKey}/${scope}, SignedHeaders=${names.join(';')}`
  const authorization = ['Authorization', `AWS4-HMAC-SHA256 ${who}, Signature=${signature}`]
  const [address, port] = entry.split(':')
  const sent = requestPlain({
    ...{ host: address, port, method, path: target, setHost: false, agent: false },
    headers: [...headers, ...authorization, 'Content-Length', '4'],
  })
  sent.on('continue', () => sent.end('body'))
  sent.flushHeaders()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return [answer.statusCode!, (await answer.setEncoding('utf8').toArray()).join('')]
}

t.test('an upload that signs its Expect arrives as it was signed', async (t) => {
  const [status, text] = await uploadSigningExpect(new URL(deployment.entry.url).host, 'clients/expect')
  t.equal(status, 200, text)
  t.match(await origin.holds('clients/expect'), { bytes: 4 })
})

type Rewrite = (headers: string[]) => string[]

const replaced =
  (name: string, value: string): Rewrite =>
  (headers) =>
    headers.map((text, i) => (i % 2 === 1 && headers[i - 1]!.toLowerCase() === name ? value : text))

/** A proxy that passes everything on to S3 but for what it rewrites. */
async function rewritingProxy(t: Test, s3: OriginHandle, rewrite: Rewrite): Promise<string> {
  const [host, port] = s3.tlsAddress.split(':')
  const ca = readFileSync(s3.caFile)
  const forward = (message: IncomingMessage, response: ServerResponse) => {
    const onward = requestTls(
      {
        ...{ host, port, ca, servername: s3.host, method: message.method, path: message.url },
        headers: rewrite(message.rawHeaders),
        agent: false,
      },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.rawHeaders)
        answer.pipe(response)
      },
    )
    message.pipe(onward)
  }
  const server = createServer(forward).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a proxy that touches what is signed is found out', async (t) => {
  const attempt = async (t: Test, name: string, rewrite: Rewrite) => {
    const scratch = `${dir}/${name}`
    mkdirSync(scratch)
    const client = await awsSdk.bind(through(await rewritingProxy(t, origin, rewrite)), scratch)
    t.teardown(() => client.close())
    return exercise(client, `${name}/`, scratch).then(
      (seen) => t.same(seen, expectedObservations(client, `${name}/`)) && 'all is well',
      (error) => error.name as string,
    )
  }
  t.equal(
    await attempt(t, 'untouched', (headers) => headers),
    'all is well',
    'one that touches nothing is not',
  )
  t.equal(await attempt(t, 'host', replaced('host', 'localhost:8000')), 'SignatureDoesNotMatch')
  t.equal(await attempt(t, 'range', replaced('range', 'bytes=0-')), 'SignatureDoesNotMatch')
  const added: Rewrite = (headers) => [...headers, 'x-amz-cf-id', 'added']
  t.equal(await attempt(t, 'added', added), 'AccessDenied', 'an x-amz-* header that nobody signed')
})
