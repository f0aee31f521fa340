// The hole in the original deployment, and that it is closed: what a stranger gets of a private object that somebody else
// has read. The same requests go through the original nginx configuration and through a cache with the least a
// configuration can say.
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { startGroup } from '../../harness/systems/process-group.ts'
import { sendRaw } from '../testing/raw-client.ts'
import { which } from '../testing/which.ts'
import { startCache } from './cache.ts'

const secret = 'the private object'
const etag = '"abc"'
const owner =
  'AWS4-HMAC-SHA256 Credential=OWNER/20261124/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=1'

function isAllowed(url: string, authorization: string | undefined): boolean {
  return authorization === owner || url.includes('X-Amz-Signature=1')
}

/** An S3 with private objects: whoever signs as their owner may read, also by a presigned URL; others get a 403. */
async function privateS3(t: Test) {
  const server = createServer((request, response) => {
    const { authorization, 'if-none-match': known } = request.headers
    if (!isAllowed(request.url!, authorization)) {
      return void response
        .writeHead(403, { 'Content-Length': 6 })
        .end(request.method === 'HEAD' ? '' : 'denied')
    }
    if (known === etag) return void response.writeHead(304, { ETag: etag }).end()
    response.writeHead(200, { ETag: etag, 'Content-Length': secret.length })
    response.end(request.method === 'HEAD' ? '' : secret)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.teardown(stop)
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

/** Signed at `at`, good for 60 s. */
const presigned = (at: Date) =>
  `/b/link?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=OWNER&X-Amz-Date=${at
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')}&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=1`

const expired = presigned(new Date(Date.now() - 3_600_000))

/** What strangers ask for after the owner has read both objects. */
const strangers: Record<string, readonly [line: string, fields: string]> = {
  'no credentials at all': ['GET /b/k', ''],
  'no credentials, a part': ['GET /b/k', 'Range: bytes=0-3\r\n'],
  'a key that S3 does not know': ['GET /b/k', `Authorization: ${owner.replace('OWNER', 'STRANGER')}\r\n`],
  'a signature that is guessed': ['GET /b/k', `Authorization: ${owner.replace(/1$/, '2')}\r\n`],
  'a word that is no signature': ['GET /b/k', 'Authorization: Bearer x\r\n'],
  'a link whose time is over': [`GET ${expired}`, ''],
}

const ask = (port: number, line: string, fields: string) =>
  sendRaw(port, `${line} HTTP/1.1\r\nHost: s3.test\r\nConnection: close\r\n${fields}\r\n`)

const isServed = ({ text }: { text: string }) => text.endsWith(secret) || text.endsWith(secret.slice(0, 4))

/** The owner reads; then each stranger's request, by name: whether it got the object, S3 there or not. */
async function served(t: Test, port: number, stop: () => void): Promise<Record<string, boolean>> {
  const seen: Record<string, boolean> = {}
  for (let i = 0; i < 2; i++) {
    t.ok(isServed(await ask(port, 'GET /b/k', `Authorization: ${owner}\r\n`)), 'the owner reads')
  }
  await ask(port, `GET ${expired}`, '')
  for (const [name, [line, fields]] of Object.entries(strangers)) {
    seen[name] = isServed(await ask(port, line, fields))
  }
  stop()
  const unsigned = await ask(port, 'GET /b/k', '')
  seen['no credentials while S3 is away'] = isServed(unsigned)
  return seen
}

const all = (value: boolean) =>
  Object.fromEntries(
    [...Object.keys(strangers), 'no credentials while S3 is away'].map((name) => [name, value]),
  )

t.test('Without credentials nobody gets a cached private object in the default configuration', async (t) => {
  const { host, stop } = await privateS3(t)
  const dir = t.testdir({})
  const file = `${dir}/cache.yaml`
  writeFileSync(
    file,
    `listen: 127.0.0.1:0\norigin: { url: "http://${host}" }\nhosts: [s3.test]\nstore: { path: "${dir}/store", max_size: 10m }\n`,
  )
  const cache = await startCache(file)
  t.teardown(() => cache.drain())
  const port = Number(/:(\d+)$/.exec(cache.readyLine)![1])
  t.strictSame(await served(t, port, stop), all(false))
})

const nginx = which('nginx')

t.test(
  'the same requests get it through the original nginx configuration',
  { skip: nginx ? false : 'nginx not found on PATH' },
  async (t) => {
    const { host, stop } = await privateS3(t)
    const port = await freePort()
    const dir = t.testdir({})
    await startNginx(t, dir, port, host)
    t.strictSame(await served(t, port, stop), all(true))
  },
)

/** The nginx of the original deployment, before an S3 without TLS. */
async function startNginx(t: Test, dir: string, port: number, origin: string): Promise<void> {
  const system = new URL('../../harness/systems/nginx-haproxy.yaml', import.meta.url)
  const { parts } = parse(readFileSync(system, 'utf8')) as {
    parts: { name: string; files: Record<string, string> }[]
  }
  const values: Record<string, string> = {
    ...{ dir, origin, listen: `127.0.0.1:${port}`, origin_name: 's3.test' },
    ...{ valid: '1h', valid_short: '1h', inactive: '1h', max_size: '10m' },
  }
  mkdirSync(`${dir}/logs`)
  for (const [name, text] of Object.entries(parts.find((part) => part.name === 'cache')!.files)) {
    const filled = text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole)
    writeFileSync(`${dir}/${name}`, filled.replace('https://', 'http://').replace(/^ *proxy_ssl_.*\n/gm, ''))
  }
  const command = [nginx!, '-p', dir, '-e', 'error.log', '-c', `${dir}/nginx.conf`]
  const group = await startGroup(command, dir, `${dir}/nginx.log`)
  t.teardown(() => group.stop())
  for (let i = 0; i < 200 && !(await answers(port)); i++)
    await new Promise((resolve) => setTimeout(resolve, 20))
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
