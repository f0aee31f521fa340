import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, patterned } from '../testing/memory-origin.ts'
import { request } from '../testing/requests.ts'
import { hitHeaders, type RouterWorld, routerWorld, server } from '../testing/router-world.ts'

const bytes = patterned(100_000)

function world(): RouterWorld {
  const made = routerWorld()
  made.origin('cache1').put('/b/big', bytes, hitHeaders)
  made.origin('s3').put('/b/big', bytes)
  return made
}

/** The whole body, time moving as it needs to. */
async function read({ clock, get }: RouterWorld, more: Parameters<RouterWorld['get']>[1] = {}) {
  const response = await get('/b/big', more)
  return { response, body: await clock.until(collect(response.body)) }
}

t.test('a body that breaks half-way is continued from the next server', async (t) => {
  const breaks = [
    [
      'a reset',
      (w: RouterWorld) => {
        w.origin('cache1').cutAfterBytes = 40_000
      },
    ],
    [
      'a standstill',
      (w: RouterWorld) => {
        w.origin('cache1').stallAfterBytes = 40_000
      },
    ],
    [
      'a break before the first byte',
      (w: RouterWorld) => {
        w.origin('cache1').cutAfterBytes = 0
      },
    ],
  ] as const
  for (const [name, breakIt] of breaks) {
    const made = world()
    breakIt(made)
    const { response, body } = await read(made)
    t.equal(response.status, 200, name)
    t.same(body, bytes)
    const [asked] = made.origin('s3').requests
    const sent = made.origin('cache1').requests[0]!.sentBytes
    t.equal(headerValue(asked!.headers, 'range'), `bytes=${sent}-99999`)
    t.equal(headerValue(asked!.headers, 'if-match'), headerValue(response.headers, 'etag'))
    t.equal(made.backend('cache1').inFlight + made.backend('s3').inFlight, 0)
    t.match(made.log.lines.at(-1), {
      fields: { termination: '--', resumes: 1, bytes: 100_000, backend: 's3' },
    })
  }
})

t.test('a part of an object is continued within its own range', async (t) => {
  const made = world()
  made.origin('cache1').cutAfterBytes = 20_000
  const { response, body } = await read(made, { headers: ['Range', 'bytes=1000-60999'] })
  t.equal(response.status, 206)
  t.same(body, bytes.subarray(1000, 61_000))
  const range = headerValue(made.origin('s3').requests[0]!.headers, 'range')!
  t.match(range, /^bytes=\d+-60999$/)
})

t.test('servers that break one after the other each give what they can', async (t) => {
  const made = routerWorld([server('cache1'), server('s3a'), server('s3b')])
  for (const name of ['cache1', 's3a', 's3b']) made.origin(name).put('/b/big', bytes)
  made.origin('cache1').cutAfterBytes = 30_000
  made.origin('s3a').cutAfterBytes = 30_000
  const { body } = await read(made)
  t.same(body, bytes)
})

t.test('with one server left the same one is asked for the rest, but only so often', async (t) => {
  const made = routerWorld([server('s3')])
  made.origin('s3').put('/b/big', bytes)
  made.origin('s3').cutAfterBytes = 10_000
  const response = await made.get('/b/big')
  await t.rejects(made.clock.until(collect(response.body)), { code: 'reset' })
  t.equal(made.origin('s3').requests.length, 1 + 3)
})

t.test('what can not be continued is broken off, never ended short', async (t) => {
  const signed = ['Authorization', 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host;range, Signature=b']
  const cases: [string, (w: RouterWorld) => void, string[]?][] = [
    [
      'the object changed meanwhile',
      (w) => {
        w.origin('s3').put('/b/big', patterned(100_000, 2))
      },
    ],
    [
      'the next server ignores Range',
      (w) => {
        w.origin('s3').intercept = () => ({
          status: 200,
          headers: ['Content-Length', '100000'],
          body: (async function* () {
            yield bytes
          })(),
        })
      },
    ],
    [
      'nothing else answers',
      (w) => {
        w.origin('s3').mood = 'hang'
      },
    ],
    ['the client signed its Range', () => {}, [...signed, 'Range', 'bytes=0-']],
    [
      'the validator is weak',
      (w) => {
        const { objects } = w.origin('cache1')
        objects.set('/b/big', { ...objects.get('/b/big')!, etag: 'W/"x"' })
      },
    ],
  ]
  for (const [name, prepare, headers = []] of cases) {
    const made = world()
    made.origin('cache1').cutAfterBytes = 40_000
    prepare(made)
    const response = await made.get('/b/big', { headers })
    await t.rejects(made.clock.until(collect(response.body)), { code: 'reset' }, name)
    t.equal(made.backend('cache1').inFlight + made.backend('s3').inFlight, 0)
    t.match(made.log.lines.at(-1), { fields: { termination: 'SD' } })
  }
})

t.test('a client that leaves within the body ends it at the server too', async (t) => {
  const made = world()
  made.origin('cache1').chunkDelayMs = 10
  const asked = request('/b/big')
  const response = await made.clock.until(Promise.resolve(made.router.handle(asked)))
  const body = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  await body.next()
  const pending = body.next()
  asked.leave()
  await t.rejects(made.clock.until(Promise.resolve(pending)), { code: 'client-gone' })
  t.equal(made.origin('cache1').requests[0]!.cancelled, true)
  t.same(made.origin('s3').seen, [], 'nobody waits for the rest')
  t.equal(made.backend('cache1').inFlight, 0)
  t.equal(made.backend('cache1').counters.errors, 0)
})

t.test('a body that nobody reads gives its connection back', async (t) => {
  const made = world()
  const response = await made.get('/b/big')
  t.equal(made.backend('cache1').inFlight, 1)
  await (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]().return!()
  t.equal(made.backend('cache1').inFlight, 0)
})

t.test('a slow reader holds no more than it has asked for', async (t) => {
  const made = world()
  const response = await made.get('/b/big')
  const body = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
  await body.next()
  await made.clock.advance(60_000)
  t.equal(made.origin('cache1').requests[0]!.sentBytes, 16_384, 'one piece')
  await body.return!()
})
