// The client who reads back what it wrote must tell a system that gives old versions from one that doesn't.
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { RereadLine } from '../history/events.ts'
import { bodyOf, startRewriter, versionIn } from './rewriter.ts'

type Store = (request: IncomingMessage, response: ServerResponse, objects: Map<string, Buffer>) => void

function answerWith(body: Buffer | undefined, { method }: IncomingMessage, response: ServerResponse): void {
  response.writeHead(body ? 200 : 404).end(method === 'PUT' ? '' : body)
}

/** What the rewriter says of a store, once it has said `count` things. */
async function linesAbout(store: Store, count: number): Promise<RereadLine[]> {
  const objects = new Map<string, Buffer>()
  const server = http.createServer((request, response) => store(request, response, objects))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const lines: RereadLine[] = []
  {
    await using _rewriter = startRewriter({
      entry: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      hostHeader: 's3.breakwater.test',
      bucket: 'bucket',
      credentials: { accessKey: 'a', secretKey: 's', region: 'us-east-1' },
      prefix: 'rewritten/',
      emit: (line) => lines.push(line),
      nowMs: () => performance.now(),
    })
    while (lines.length < count) await sleep(5)
  }
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return lines
}

const answerSoundly: Store = async (request, response, objects) => {
  const written = await buffer(request)
  if (request.method === 'PUT') objects.set(request.url!, written)
  answerWith(objects.get(request.url!), request, response)
}

/** Keeps the first version it was asked for after it was written. */
const answerFromAnOldCopy: Store = async (request, response, objects) => {
  const written = await buffer(request)
  if (request.method === 'PUT' && !objects.has(request.url!)) objects.set(request.url!, written)
  answerWith(objects.get(request.url!), request, response)
}

const refuseEverything: Store = (request, response) => {
  request.resume()
  response.writeHead(503).end()
}

const isOutdated = ({ read, acknowledged }: RereadLine) => read !== null && read < acknowledged

t.test('of a store that gives what was written last no read is outdated', async (t) => {
  const lines = await linesAbout(answerSoundly, 60)
  t.same(lines.filter(isOutdated), [])
  t.ok(lines.filter(({ read, acknowledged }) => read === acknowledged).length >= 40)
  t.ok(
    lines.some(({ acknowledged }) => acknowledged > 1),
    'keys were overwritten',
  )
})

t.test('of a store that keeps the first version reads are outdated once there is a second', async (t) => {
  const lines = await linesAbout(answerFromAnOldCopy, 60)
  t.ok(lines.some(isOutdated))
  t.same(
    lines.filter((line) => isOutdated(line) && line.acknowledged < 2),
    [],
  )
})

t.test('reads that fail say nothing of versions', async (t) => {
  const lines = await linesAbout(refuseEverything, 10)
  t.ok(lines.every(({ read, acknowledged }) => read === null && acknowledged === 0))
})

const answers: [string, Parameters<typeof versionIn>[1], number | null][] = [
  ['a whole body', { status: 200, body: bodyOf('k', 7), complete: true }, 7],
  ["another key's body", { status: 200, body: bodyOf('other', 7), complete: true }, 0],
  [
    'a body of two versions',
    {
      status: 200,
      body: Buffer.concat([bodyOf('k', 7).subarray(0, 100), bodyOf('k', 8).subarray(100)]),
      complete: true,
    },
    0,
  ],
  ['no body', { status: 200, body: Buffer.alloc(0), complete: true }, 0],
  ['half a body, cut', { status: 200, body: bodyOf('k', 7).subarray(0, 100), complete: false }, null],
  ['not found', { status: 404, body: Buffer.alloc(0), complete: true }, 0],
  ['a refusal', { status: 503, body: Buffer.alloc(0), complete: true }, null],
]
for (const [what, answer, version] of answers) {
  t.test(`${what} is version ${version}`, async (t) => t.equal(versionIn('k', answer), version))
}
