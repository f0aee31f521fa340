import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { makeAuthority } from '../../harness/origins/authority.ts'
import { ProxyError } from '../errors.ts'
import type { Body } from '../object.ts'
import type { OriginRequest } from '../ports.ts'
import { collect, pieces } from '../testing/memory-origin.ts'
import { createHttpOrigin, type HttpOriginOptions } from './http-origin.ts'
import { nodeClock } from './node-clock.ts'

const get: OriginRequest = { method: 'GET', target: '/b/k', headers: ['Host', 's3.test'], body: null }
const put = (): OriginRequest => ({
  method: 'PUT',
  target: '/b/k',
  headers: ['Host', 's3.test', 'Content-Length', '5'],
  body: pieces([Buffer.from('hello')]),
})
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What a server does with the n-th request of all its connections. */
type Answer = (socket: Socket, count: number) => void

async function listening(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** An origin before a server that answers with bytes. */
async function originOf(t: Test, answer: Answer, more: Partial<HttpOriginOptions> = {}) {
  const seen: string[] = []
  const server = createServer((socket) => {
    socket.setEncoding('latin1').on('data', (text: unknown) => {
      if (!/^[A-Z]+ \//.test(text as string)) return // the body of an upload
      seen.push(text as string)
      answer(socket, seen.length)
    })
  })
  const port = await listening(t, server)
  return { origin: open(t, `http://127.0.0.1:${port}`, more), seen, port }
}

function open(t: Test, url: string, more: Partial<HttpOriginOptions> = {}, addresses = ['127.0.0.1']) {
  const times = { connectMs: 500, firstByteMs: 500, betweenBytesMs: 500, maxConnections: 2 }
  const where = { name: 's3', url, ca: null, serverName: null }
  const resolver = { resolve: async () => addresses }
  const origin = createHttpOrigin({ ...where, ...times, ...more }, resolver, nodeClock)
  t.teardown(() => origin.close())
  return origin
}

/** The code of the failure and whether another server may be asked, or the body. */
async function outcome(asked: Promise<{ body: Body }>): Promise<string> {
  try {
    return Buffer.from(await collect((await asked).body)).toString()
  } catch (error) {
    const { code, retryable } = error as ProxyError
    return error instanceof ProxyError ? `${code}${retryable ? ', retryable' : ''}` : String(error)
  }
}

t.test('a request arrives as it was given', async (t) => {
  const { origin, seen } = await originOf(t, (socket) => socket.write(ok))
  const headers = [
    'Host',
    's3.test',
    'x-B',
    '2',
    'X-a',
    '1',
    'x-b',
    '3',
    'Authorization',
    'AWS4 x',
    'TE',
    'gzip',
  ]
  t.equal(await outcome(origin.fetch({ ...get, target: '//b/../k%2f?x=+&acl', headers })), 'ok')
  t.match(seen[0], /^GET \/\/b\/\.\.\/k%2f\?x=\+&acl HTTP\/1\.1\r\nhost: s3\.test\r\n/i)
  t.match(seen[0], 'x-B: 2\r\nX-a: 1\r\nx-b: 3\r\nAuthorization: AWS4 x\r\n')
  t.notMatch(seen[0], /^TE:/im, 'but for the headers of a hop')
})

t.test('each way in which a server fails has its code', async (t) => {
  const big = `X: ${'a'.repeat(70_000)}\r\n`
  const failures: Record<string, readonly [Answer, string]> = {
    'closes before its head': [(socket) => socket.end(), 'closed-early, retryable'],
    'resets before its head': [(socket) => socket.resetAndDestroy(), 'reset, retryable'],
    'a head too large': [(socket) => socket.write(`HTTP/1.1 200 OK\r\n${big}\r\n`), 'bad-header, retryable'],
    'no HTTP at all': [(socket) => socket.write('SSH-2.0-OpenSSH\r\n\r\n'), 'bad-header, retryable'],
    'a length that is none': [
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n'),
      'bad-header, retryable',
    ],
    'a body that ends early': [
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
      'truncated',
    ],
    'chunks without the last': [
      (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'),
      'truncated',
    ],
    'a malformed chunk': [
      (socket) => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'),
      'truncated',
    ],
  }
  for (const [name, [answer, code]] of Object.entries(failures)) {
    const { origin } = await originOf(t, answer)
    t.equal(await outcome(origin.fetch(get)), code, name)
  }
  const { origin } = await originOf(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', () =>
      setTimeout(() => socket.resetAndDestroy(), 30),
    )
  })
  t.equal(await outcome(origin.fetch(get)), 'reset', 'a reset within the body')
})

t.test('a body that is longer than its length is cut there, and what is beyond answers nobody', async (t) => {
  const { origin } = await originOf(t, (socket, count) => {
    socket.write(count === 1 ? `${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison` : ok)
  })
  t.equal(await outcome(origin.fetch(get)), 'ok')
  t.equal(await outcome(origin.fetch(get)), 'ok')
})

t.test('no connection: refused, too slow, or a name without an address', async (t) => {
  const closed = createServer()
  const port = await listening(t, closed)
  closed.close()
  t.equal(await outcome(open(t, `http://127.0.0.1:${port}`).fetch(put())), 'connect-refused, retryable')
  const silent = await listening(
    t,
    createServer(() => {}),
  )
  const slow = open(t, `https://127.0.0.1:${silent}`, { connectMs: 100 })
  t.equal(await outcome(slow.fetch(put())), 'connect-timeout, retryable', 'a handshake nobody answers')
  const nameless = createHttpOrigin(
    {
      name: 's3',
      url: 'http://s3.test',
      ca: null,
      serverName: null,
      connectMs: 100,
      firstByteMs: 100,
      betweenBytesMs: 100,
      maxConnections: 1,
    },
    {
      resolve: () =>
        Promise.reject(new ProxyError('no', { code: 'dns-failed', source: 'dns', retryable: true })),
    },
    nodeClock,
  )
  t.teardown(() => nameless.close())
  t.equal(await outcome(nameless.fetch(get)), 'dns-failed, retryable')
})

t.test(
  'keep-alive race: the upstream closes an idle connection as we send: a GET is retried once on a new one, an upload never',
  async (t) => {
    const dying: Answer = (socket, count) => (count === 2 ? socket.end() : socket.write(ok))
    const reads = await originOf(t, dying, { maxConnections: 1 })
    t.equal(await outcome(reads.origin.fetch(get)), 'ok')
    t.equal(await outcome(reads.origin.fetch(get)), 'ok')
    t.equal(reads.seen.length, 3, 'once more, on another connection')
    const writes = await originOf(t, dying, { maxConnections: 1 })
    t.equal(await outcome(writes.origin.fetch(get)), 'ok')
    t.match(await outcome(writes.origin.fetch(put())), /^(closed-early|reset)$/, 'may have acted')
    t.equal(writes.seen.length, 2)
    const dead = await originOf(t, (socket) => socket.end())
    t.equal(await outcome(dead.origin.fetch(get)), 'closed-early, retryable')
    t.equal(dead.seen.length, 2, 'and never more than once')
  },
)

t.test('an address that refuses is left for the next one of the name', async (t) => {
  const { port } = await originOf(t, (socket) => socket.write(ok))
  const asked: string[] = []
  const addresses = ['127.0.0.2', '127.0.0.1']
  const origin = open(t, `http://s3.test:${port}`, {}, addresses)
  t.equal(await outcome(origin.fetch(put())), 'ok', 'also an upload: nothing was sent')
  // From now on a server also listens at the first address: it must be asked last, for it has just failed.
  const late = createServer((socket) => {
    asked.push('127.0.0.2')
    socket.destroy()
  })
  late.listen(port, '127.0.0.2')
  await once(late, 'listening')
  t.teardown(() => late.close())
  const both = await Promise.all([outcome(origin.fetch(get)), outcome(origin.fetch(get))])
  t.strictSame([both, asked], [['ok', 'ok'], []])
})

t.test(
  'TLS with a wrong name, expired or self-signed: a hard failure with its own code, never a fall-back to insecure',
  async (t) => {
    const authority = await makeAuthority(t.testdir())
    const expected = {
      expired: 'CERT_HAS_EXPIRED',
      'wrong-name': 'ERR_TLS_CERT_ALTNAME_INVALID',
      'unknown-authority': 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    } as const
    for (const kind of Object.keys(expected) as (keyof typeof expected)[]) {
      let bytes = 0
      const server = createTlsServer(await authority.issue('s3.test', kind), (socket) => {
        socket.on('data', (chunk) => {
          bytes += chunk.length
        })
      })
      const port = await listening(t, server)
      const origin = open(t, `https://s3.test:${port}`, { ca: authority.caFile })
      const error = (await origin.fetch(get).catch((failure) => failure)) as ProxyError
      t.match(error, { code: 'tls-failed', retryable: true, cause: { code: expected[kind] } }, kind)
      t.equal(bytes, 0, kind)
    }
  },
)

t.test('a good certificate: SNI is sent, and a later connection resumes the session', async (t) => {
  const authority = await makeAuthority(t.testdir())
  const connections: { name: unknown; resumed: boolean }[] = []
  const server = createTlsServer(await authority.issue('s3.test'), (socket: TLSSocket) => {
    connections.push({ name: socket.servername, resumed: socket.isSessionReused() })
    socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))
  })
  const port = await listening(t, server)
  const origin = open(t, `https://s3.test:${port}`, { ca: authority.caFile })
  for (let i = 0; i < 2; i++) t.equal(await outcome(origin.fetch(get)), 'ok')
  t.strictSame(connections, [
    { name: 's3.test', resumed: false },
    { name: 's3.test', resumed: true },
  ])
  const named = open(t, `https://127.0.0.1:${port}`, { ca: authority.caFile, serverName: 's3.test' })
  t.equal(await outcome(named.fetch(get)), 'ok', 'server_name says which name to verify')
  const unnamed = open(t, `https://127.0.0.1:${port}`, { ca: authority.caFile })
  t.equal(await outcome(unnamed.fetch(get)), 'tls-failed, retryable', 'without it the address is')
})

t.test('a name in use is asked again also while open connections serve every request', async (t) => {
  const authority = await makeAuthority(t.testdir())
  let connections = 0
  const server = createTlsServer(await authority.issue('s3.test'), (socket: TLSSocket) => {
    connections++
    socket.on('data', () => socket.write(ok))
  })
  const port = await listening(t, server)
  let asked = 0
  const resolver = {
    async resolve() {
      asked++
      return ['127.0.0.1']
    },
  }
  const where = { name: 's3', url: `https://s3.test:${port}`, ca: authority.caFile, serverName: null }
  const times = { connectMs: 500, firstByteMs: 500, betweenBytesMs: 500, maxConnections: 1 }
  const origin = createHttpOrigin({ ...where, ...times }, resolver, nodeClock)
  t.teardown(() => origin.close())
  for (let i = 0; i < 3; i++) t.equal(await outcome(origin.fetch(get)), 'ok')
  t.equal(connections, 1)
  t.ok(asked >= 3, `${asked}`)
})

t.test('checks and other HEADs leave their TLS connection to the next request', async (t) => {
  const authority = await makeAuthority(t.testdir())
  const seen: string[] = []
  let connections = 0
  const server = createTlsServer(await authority.issue('s3.test'), (socket: TLSSocket) => {
    connections++
    socket.setEncoding('latin1').on('data', (text: unknown) => {
      const isHead = (text as string).startsWith('HEAD')
      seen.push(/^connection: (.*)\r$/im.exec(text as string)?.[1] ?? '')
      socket.write(
        isHead ? 'HTTP/1.1 403 Forbidden\r\nConnection: keep-alive\r\nContent-Length: 243\r\n\r\n' : ok,
      )
    })
  })
  const port = await listening(t, server)
  const origin = open(t, `https://s3.test:${port}`, { ca: authority.caFile, maxConnections: 1 })
  for (const method of ['HEAD', 'HEAD', 'GET']) await outcome(origin.fetch({ ...get, method }))
  t.equal(connections, 1)
  t.strictSame(seen, ['keep-alive', 'keep-alive', 'keep-alive'])
})
