import t from 'tap'
import { headerValue } from '../object.ts'
import { collect, type MemoryOrigin, patterned, pieces } from '../testing/memory-origin.ts'
import { hitHeaders, type RouterWorld, routerWorld, server } from '../testing/router-world.ts'

const path = '/b/artifact'
const bytes = patterned(100_000)

/** The same head, ETag included, over bytes of which one bit is another. */
function alter(origin: MemoryOrigin, at: number): void {
  const object = origin.objects.get(path)!
  const altered = Uint8Array.from(object.bytes)
  altered[at]! ^= 1
  origin.objects.set(path, { ...object, bytes: altered })
}

const missHeaders = ['Cache-Status', 'breakwater-cache; fwd=uri-miss', 'X-Cache-Status', 'MISS']

function world(cacheHeaders = missHeaders): RouterWorld {
  const made = routerWorld()
  made.origin('cache1').put(path, bytes, cacheHeaders)
  made.origin('s3').put(path, bytes)
  return made
}

/** What a client gets of a body before it breaks. */
async function read(made: RouterWorld) {
  const response = await made.get(path)
  const pieces: Uint8Array[] = []
  let broken: unknown = null
  const reading = (async () => {
    try {
      for await (const piece of response.body as AsyncIterable<Uint8Array>) pieces.push(piece)
    } catch (error) {
      broken = error
    }
  })()
  await made.clock.until(reading)
  return { body: Buffer.concat(pieces), broken }
}

function inFlight(made: RouterWorld): number {
  return made.backend('cache1').inFlight + made.backend('s3').inFlight
}

t.test('a body that a node broke off because it was wrong is not completed from elsewhere', async (t) => {
  for (const altersBoth of [false, true]) {
    const made = world()
    alter(made.origin('cache1'), 10)
    if (altersBoth) alter(made.origin('s3'), 10)
    made.origin('cache1').cutAfterBytes = 99_000
    const { body, broken } = await read(made)
    t.match(broken, { code: 'digest-mismatch' })
    t.ok(body.length < bytes.length, 'the last bytes are held back')
    t.equal(inFlight(made), 0)
    t.match(made.log.lines.at(-1), { fields: { termination: 'SD', because: 'digest-mismatch' } })
  }
})

t.test('an altered body straight from a backup does not reach the client whole', async (t) => {
  for (const at of [0, 50_000, 99_999]) {
    const made = world()
    made.origin('cache1').mood = 'refused'
    alter(made.origin('s3'), at)
    const { body, broken } = await read(made)
    t.match(broken, { code: 'digest-mismatch' }, `altered at ${at}`)
    t.ok(body.length < bytes.length)
    t.equal(inFlight(made), 0)
  }
})

t.test('a node that refuses an altered body is not overruled by a backup that alters it too', async (t) => {
  const made = world()
  made.origin('cache1').intercept = () => ({
    status: 502,
    headers: ['Content-Length', '0', 'X-Cache-Status', 'MISS'],
    body: (async function* () {})(),
  })
  alter(made.origin('s3'), 7)
  const { broken } = await read(made)
  t.match(broken, { code: 'digest-mismatch' })
})

t.test('a right body passes, whole or continued, from wherever', async (t) => {
  const stories: [string, (made: RouterWorld) => void][] = [
    ['from a node that fetches it', () => {}],
    [
      'from a node that dies within it',
      (made) => {
        made.origin('cache1').cutAfterBytes = 40_000
      },
    ],
    [
      'from a backup',
      (made) => {
        made.origin('cache1').mood = 'refused'
      },
    ],
  ]
  for (const [name, prepare] of stories) {
    const made = world()
    prepare(made)
    const { body, broken } = await read(made)
    t.equal(broken, null, name)
    t.same(body, Buffer.from(bytes))
    t.equal(inFlight(made), 0)
  }
})

t.test(
  "a node's hit is its own to verify; parts and multipart objects have no digest to be held to",
  async (t) => {
    const hit = world(hitHeaders)
    alter(hit.origin('cache1'), 5)
    t.equal((await read(hit)).broken, null, 'a hit is not hashed a second time')

    const part = world()
    alter(part.origin('cache1'), 5)
    const response = await part.get(path, { headers: ['Range', 'bytes=0-9'] })
    t.equal(response.status, 206)
    t.equal((await part.clock.until(collect(response.body))).length, 10)

    const multipart = world()
    const { objects } = multipart.origin('cache1')
    objects.set(path, { ...objects.get(path)!, etag: '"0123456789abcdef0123456789abcdef-2"' })
    t.equal((await read(multipart)).broken, null)
  },
)

t.test('a backup is not believed when it speaks in the words of a cache', async (t) => {
  const made = routerWorld([server('s3')])
  made.origin('s3').put(path, bytes, hitHeaders)
  alter(made.origin('s3'), 5)
  const response = await made.get(path)
  t.equal(headerValue(response.headers, 'x-cache-status'), 'BYPASS')
  await t.rejects(made.clock.until(collect(response.body)), { code: 'digest-mismatch' })
})

const xml = ['Content-Type', 'application/xml', 'Content-Length', '8']

/** S3 answers 200 with a document that is no object, so many times; a count of the requests that got one. */
function lies(origin: MemoryOrigin, times: number): { count: number } {
  const told = { count: 0 }
  origin.intercept = () => {
    if (told.count === times) return undefined
    told.count++
    return { status: 200, headers: xml, body: pieces([new TextEncoder().encode('<Error/>')]) }
  }
  return told
}

t.test('an S3 error document with status 200 is asked past, on the same server or on the next', async (t) => {
  for (const liars of [['cache1'], ['s3'], ['cache1', 's3']]) {
    const made = world()
    if (!liars.includes('cache1')) made.origin('cache1').mood = 'refused'
    for (const name of liars) lies(made.origin(name), 1)
    const { body, broken } = await read(made)
    t.equal(broken, null, liars.join())
    t.same(body, Buffer.from(bytes))
    t.equal(inFlight(made), 0)
  }
})

t.test(
  'nothing but error documents: 503 with the reason, and no more requests than the budget allows',
  async (t) => {
    const made = world()
    const told = ['cache1', 's3'].map((name) => lies(made.origin(name), Number.POSITIVE_INFINITY))
    const answer = await made.get(path)
    t.equal(answer.status, 503)
    t.match(headerValue(answer.headers, 'cache-status'), /detail=error-document/)
    t.same(
      told.map(({ count }) => count),
      [2, 2],
    )
    t.equal(inFlight(made), 0)
    for (let i = 0; i < 200; i++) await made.get(path)
    const asked = told.reduce((sum, { count }) => sum + count, 0)
    t.ok(asked < 201 * 1.2 + 150, `${asked} requests`)
  },
)

t.test(
  'documents that are no error pass: a listing, an answer to a write, an object that is XML',
  async (t) => {
    const stories: [string, string, readonly string[]][] = [
      ['GET', '/b?list-type=2', xml],
      ['GET', '/b', xml],
      ['GET', '/b/key?tagging', xml],
      ['PUT', path, xml],
      ['GET', path, [...xml, 'ETag', '"0123456789abcdef0123456789abcdef-2"']],
    ]
    for (const [method, target, headers] of stories) {
      const made = routerWorld([server('s3')])
      made.origin('s3').intercept = () => ({
        status: 200,
        headers,
        body: pieces([new TextEncoder().encode('<Other/>')]),
      })
      const answer = await made.get(target, { method })
      t.equal(answer.status, 200, `${method} ${target}`)
      t.same(Buffer.from(await made.clock.until(collect(answer.body))), Buffer.from('<Other/>'))
      t.equal(made.origin('s3').requests.length, 1)
    }
  },
)
