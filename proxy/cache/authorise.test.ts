// Who gets what is stored, in each of the three modes.
import t from 'tap'
import { createSignatures } from '../adapters/signatures.ts'
import { emptyPayloadHash, signSigV4, verifySigV4 } from '../adapters/sigv4.ts'
import { type HeaderList, headerValue } from '../object.ts'
import type { AuthorisationMode } from '../policy/authorisation.ts'
import type { OriginRequest, Signatures } from '../ports.ts'
import { once } from '../testing/bodies.ts'
import { type CacheWorld, cacheWorld, readAnswer } from '../testing/cache-world.ts'
import { patterned } from '../testing/memory-origin.ts'
import { cacheDefaults } from './options.ts'

const object = '/maps/app.js.map'
const bytes = patterned(1000)
const scope = { region: 'us-east-1', service: 's3' }
const alice = { accessKey: 'AKIAALICE', secretKey: 'alice-secret' }
const bob = { accessKey: 'AKIABOB', secretKey: 'bob-secret' }
const carol = { accessKey: 'AKIACAROL', secretKey: 'carol-secret' }

/** An origin that lets in whoever signed with one of `keys` and refuses all others, as S3 does with a private object. */
function guardedWorld(
  mode: AuthorisationMode,
  keys = [alice, bob],
  more: Partial<typeof cacheDefaults.authorisation> = {},
) {
  const local = keys.map(({ accessKey }) => ({
    accessKey,
    prefixes: accessKey === bob.accessKey ? ['other/'] : [''],
  }))
  const authorisation = { ...cacheDefaults.authorisation, ...more, mode, keys: local }
  const world = cacheWorld({ authorisation }, { signatures: createSignatures(keys, scope) })
  world.origin.put(object, bytes)
  const secrets = new Map([alice, bob, carol].map(({ accessKey, secretKey }) => [accessKey, secretKey]))
  const refused = (asked: OriginRequest) =>
    verifySigV4(asked, (accessKey) => secrets.get(accessKey), world.clock.wallMs()).kind === 'denied'
  world.origin.intercept = (asked) =>
    refused(asked) ? { status: 403, headers: ['Content-Length', '2'], body: once('no') } : undefined
  return world
}

type Key = typeof alice

/** Headers of a request that `key` signed just now, over `headers` too. */
function signed(
  world: CacheWorld,
  key: Key,
  target = object,
  headers: HeaderList = [],
  method = 'GET',
): HeaderList {
  const parts = { method, target, headers: ['Host', 's3.test', ...headers] }
  const nowMs = world.clock.wallMs()
  const added = signSigV4({ ...parts, ...scope, payloadHash: emptyPayloadHash, credentials: key, nowMs })
  return [...headers, ...added]
}

/** Reads the object as `key`, with a signature of its own: a second later than the last one. */
async function as(world: CacheWorld, key: Key, headers: HeaderList = []) {
  await world.clock.advance(1000)
  return world.read(object, { headers: signed(world, key, object, headers) })
}

t.test(
  'network mode: whoever can connect reads what is stored, as the original deployment did',
  async (t) => {
    const world = guardedWorld('network')
    t.equal((await as(world, alice)).word, 'MISS')
    t.equal((await world.read(object)).word, 'HIT')
  },
)

for (const mode of ['verify', 'revalidate'] as const) {
  t.test(`${mode}: without credentials nobody gets a cached private object`, async (t) => {
    const world = guardedWorld(mode)
    t.equal((await as(world, alice)).status, 200)
    const forged = signed(world, { ...alice, secretKey: 'guessed' })
    for (const headers of [[], forged, ['Authorization', 'AWS AKIAALICE:x'], ['Authorization', 'Bearer x']]) {
      const answer = await world.read(object, { headers })
      t.equal(answer.status, 403, headers.join(' '))
      t.not(answer.bytes.length, bytes.length)
    }
    world.origin.mood = 'refused'
    for (const headers of [[], signed(world, { ...carol, secretKey: 'guessed' })]) {
      const answer = await world.read(object, { headers })
      t.ok(answer.status === 403 || answer.status === 503, `${answer.status} while the origin is away`)
    }
  })

  t.test(`${mode}: a joined fetch lets nobody in whom S3 refuses`, async (t) => {
    const world = guardedWorld(mode)
    world.origin.chunkBytes = 100
    world.origin.chunkDelayMs = 50
    const allowed = world.send(world.request(object, { headers: signed(world, alice) })).then(readAnswer)
    const stranger = world.send(world.request(object)).then(readAnswer)
    t.equal((await world.clock.until(stranger)).status, 403)
    t.strictSame((await world.clock.until(allowed)).bytes, bytes)
  })

  t.test(
    `${mode}: an object read without credentials is public, and stays so while S3 is away`,
    async (t) => {
      const world = guardedWorld(mode)
      world.origin.intercept = null
      await world.read(object)
      world.origin.mood = 'refused'
      t.equal((await world.read(object)).word, 'HIT')
    },
  )

  t.test(`${mode}: an expired presigned URL is refused here`, async (t) => {
    const world = guardedWorld(mode)
    await as(world, alice)
    const date = new Date(world.clock.wallMs()).toISOString().replace(/[-:]|\.\d+/g, '')
    const url = `${object}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAALICE%2Fx&X-Amz-Date=${date}&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=${'a'.repeat(64)}`
    await world.clock.advance(61_000)
    const asked = world.origin.requests.length
    const answer = await world.read(url)
    t.equal(answer.status, 403)
    t.match(answer.cacheStatus, /detail=presigned-expired/)
    t.equal(world.origin.requests.length, asked)
  })
}

t.test('network: an expired presigned URL is refused here, too', async (t) => {
  const world = guardedWorld('network')
  await as(world, alice)
  for (const query of [
    'X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=a',
    'X-Amz-Date=nonsense&X-Amz-Expires=60&X-Amz-Signature=a',
    'X-Amz-Date=20260101T000000Z&X-Amz-Expires=9999999&X-Amz-Signature=a',
    'AWSAccessKeyId=AKIA&Expires=1500000000&Signature=a',
  ]) {
    t.equal((await world.read(`${object}?${query}`)).status, 403, query)
  }
})

t.test(
  'verify: a signature checked here is a hit without asking S3, in memory without a promise',
  async (t) => {
    const world = guardedWorld('verify')
    await as(world, alice)
    world.origin.mood = 'refused'
    const answer = world.cache.handle(world.request(object, { headers: signed(world, alice) }))
    t.notOk(answer instanceof Promise)
    t.equal((await as(world, alice)).word, 'HIT')
  },
)

t.test('verify: the origin’s request is signed anew, with the key that the client used', async (t) => {
  const world = guardedWorld('verify')
  const headers = ['x-amz-meta-mine', 'signed by the client', 'Range', 'bytes=0-9']
  const answer = await as(world, alice, headers)
  t.equal(answer.status, 206)
  const sent = world.origin.requests[0]!.headers
  t.match(headerValue(sent, 'authorization'), /Credential=AKIAALICE\//)
  t.equal(
    headerValue(sent, 'range'),
    undefined,
    'the whole object is fetched, though the client had signed its range',
  )
  t.equal(headerValue(sent, 'x-amz-checksum-mode'), 'ENABLED')
  t.equal(headerValue(sent, 'x-amz-meta-mine'), 'signed by the client')
})

t.test(
  'verify: an x-amz-* header that the client did not sign never reaches S3 under our signature',
  async (t) => {
    const world = guardedWorld('verify')
    const headers = [...signed(world, alice), 'x-amz-meta-slipped-in', 'evil']
    const answer = await world.read(object, { headers })
    t.equal(answer.status, 403)
    t.equal(world.origin.requests.length, 0)
  },
)

t.test('verify: a presigned URL is checked here and signed anew without its parameters', async (t) => {
  const world = guardedWorld('verify')
  const nowMs = world.clock.wallMs()
  const amzDate = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')
  const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAALICE%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=${amzDate}&X-Amz-Expires=600&X-Amz-SignedHeaders=host&response-content-type=text%2Fplain`
  const unsigned = { method: 'GET', target: `${object}?${query}`, headers: ['Host', 's3.test'] }
  const { canonicalRequest, signatureOf } = await import('../adapters/sigv4-canonical.ts')
  const canonical = canonicalRequest(unsigned, ['host'], 'UNSIGNED-PAYLOAD')
  const signature = signatureOf(canonical, amzDate, '20260101/us-east-1/s3/aws4_request', alice.secretKey)
  const url = `${unsigned.target}&X-Amz-Signature=${signature}`
  t.equal((await world.read(url)).word, 'MISS')
  t.equal(world.origin.requests[0]!.target, `${object}?response-content-type=text%2Fplain`)
  t.equal((await world.read(url)).word, 'HIT')
  t.equal(
    (await world.read(url.replace('text%2Fplain', 'text%2Fhtml'))).status,
    403,
    'another URL than was signed',
  )
})

t.test('verify: a key may read only what it is configured for', async (t) => {
  const world = guardedWorld('verify')
  await as(world, alice)
  const answer = await as(world, bob)
  t.equal(answer.status, 403)
  t.match(answer.cacheStatus, /detail=key-not-for-object/)
})

t.test(
  'verify: a key that is not configured is S3’s to decide on, with the client’s own signature',
  async (t) => {
    const world = guardedWorld('verify')
    await as(world, alice)
    const answer = await as(world, carol)
    t.equal(answer.word, 'REVALIDATED')
    t.strictSame(answer.bytes, bytes)
    const sent = world.origin.requests.at(-1)!.headers
    t.match(headerValue(sent, 'authorization'), /Credential=AKIACAROL\//)
  },
)

t.test('verify: signatures that are wrong, too old, or unreadable get S3’s own codes', async (t) => {
  const world = guardedWorld('verify')
  await as(world, alice)
  const old = signed(world, alice)
  await world.clock.advance(20 * 60_000)
  for (const [headers, code] of [
    [signed(world, { ...alice, secretKey: 'guessed' }), 'SignatureDoesNotMatch'],
    [old, 'RequestTimeTooSkewed'],
    [['Authorization', 'AWS4-HMAC-SHA256 nonsense'], 'AuthorizationHeaderMalformed'],
  ] as const) {
    const answer = await world.read(object, { headers })
    t.equal(answer.status, 403)
    t.match(new TextDecoder().decode(answer.bytes), `<Code>${code}</Code>`)
  }
})

t.test(
  'revalidate: the client’s own signed request, with If-None-Match added, decides; no bytes are sent',
  async (t) => {
    const world = guardedWorld('revalidate')
    await as(world, alice)
    const answer = await as(world, carol)
    t.equal(
      answer.cacheStatus,
      'breakwater-cache; fwd=stale; fwd-status=304; ttl=3600; detail=allowed-by-origin',
    )
    t.strictSame(answer.bytes, bytes)
    const { headers, sentBytes } = world.origin.requests.at(-1)!
    t.equal(headerValue(headers, 'if-none-match'), world.origin.objects.get(object)!.etag)
    t.equal(sentBytes, 0)
  },
)

t.test(
  'revalidate: the yes to one signature counts for that signature for the configured time',
  async (t) => {
    const world = guardedWorld('revalidate', [alice], { allowMs: 60_000 })
    const headers = signed(world, alice)
    await world.read(object, { headers })
    t.equal((await world.read(object, { headers })).word, 'HIT')
    t.equal(world.origin.requests.length, 1)
    await world.clock.advance(61_000)
    t.equal((await world.read(object, { headers })).word, 'REVALIDATED')
  },
)

t.test(
  'revalidate: while S3 is away a principal is served what S3 let it read before, a stranger gets 503',
  async (t) => {
    const world = guardedWorld('revalidate')
    await as(world, alice)
    world.origin.mood = 'hang'
    const before = await as(world, alice)
    t.equal(before.status, 200)
    t.match(before.cacheStatus, /hit; .*detail=allowed-while-away/)
    t.equal((await as(world, carol)).status, 503)
    for (let i = 0; i < 5; i++) await as(world, carol)
    const startMs = world.clock.monotonicMs()
    t.equal((await as(world, alice)).status, 200)
    t.equal(world.clock.monotonicMs(), startMs + 1000, 'with the breaker open nobody waits')
    const stranger = await as(world, carol)
    t.equal(stranger.status, 503)
    const another = await world.read(object, { headers: signed(world, carol) })
    t.match(another.cacheStatus, /detail=not-authorised-while-away/)
    await world.clock.advance(cacheDefaults.authorisation.staleAllowMs)
    t.equal((await as(world, alice)).status, 503, 'not for ever')
    world.origin.mood = 'ok'
    await as(world, alice)
    t.equal((await as(world, alice)).word, 'REVALIDATED', 'and S3 is asked again once it is back')
  },
)

t.test('revalidate: a principal at another address is a stranger while S3 is away', async (t) => {
  const world = guardedWorld('revalidate')
  await as(world, alice)
  world.origin.mood = 'refused'
  await world.clock.advance(1000)
  const elsewhere = { ...world.request(object, { headers: signed(world, alice) }), clientAddress: '10.0.0.9' }
  t.equal((await world.clock.until(world.send(elsewhere))).status, 503)
})

t.test('revalidate: an object that changed is fetched anew for the one who asks', async (t) => {
  const world = guardedWorld('revalidate')
  await as(world, alice)
  world.origin.put(object, patterned(500, 2))
  const answer = await as(world, carol)
  t.strictSame(answer.bytes, patterned(500, 2))
  t.equal((await as(world, alice)).word, 'REVALIDATED')
})

t.test(
  'revalidate: a range that the client signed goes to S3 as it is when there is nothing stored',
  async (t) => {
    const world = guardedWorld('revalidate')
    const cold = await as(world, alice, ['Range', 'bytes=0-9'])
    t.equal(cold.status, 206)
    t.match(cold.cacheStatus, /fwd=bypass; fwd-status=206; detail=range-signed/)
    await as(world, alice)
    const hit = await as(world, alice, ['Range', 'bytes=0-9'])
    t.equal(hit.word, 'REVALIDATED')
    t.equal(hit.status, 206)
    t.strictSame(hit.bytes, bytes.subarray(0, 10))
  },
)

t.test('routes: the longest prefix says which mode holds', async (t) => {
  const world = guardedWorld('revalidate', [alice], {
    routes: [{ prefix: 'maps/', mode: 'network' }] as never,
  })
  await as(world, alice)
  t.equal((await world.read(object)).word, 'HIT')
})

t.test('a presigned URL costs one entry, however often it is signed', async (t) => {
  const world = guardedWorld('network')
  world.origin.intercept = null
  const query = (signature: string) =>
    `?X-Amz-Date=20260101T000000Z&X-Amz-Expires=600&X-Amz-Signature=${signature}&x-id=GetObject`
  await world.read(object + query('a'))
  t.equal((await world.read(object + query('b'))).word, 'HIT')
  t.equal((await world.read(object)).word, 'HIT')
})

t.test('revalidate: an object that is gone is forgotten', async (t) => {
  const world = guardedWorld('revalidate')
  await as(world, alice)
  world.origin.objects.delete(object)
  t.equal((await as(world, alice)).status, 404)
  t.strictSame(world.store.keys, [])
})

t.test('revalidate: though only known principals read, S3 is found to be back', async (t) => {
  const world = guardedWorld('revalidate')
  await as(world, alice)
  world.origin.mood = 'refused'
  for (let i = 0; i < 8; i++) t.equal((await as(world, alice)).word, 'HIT')
  world.origin.mood = 'ok'
  for (let i = 0; i < 3; i++) await as(world, alice)
  t.equal((await as(world, alice)).word, 'REVALIDATED')
})

t.test('an x-amz-* header outside the signature is left out of what is signed anew', async (t) => {
  const lenient: Signatures = {
    ...createSignatures([alice], scope),
    verify: () => ({ kind: 'valid', accessKey: 'AKIAALICE', signedHeaders: ['host'], presigned: false }),
  }
  const keys = [{ accessKey: 'AKIAALICE', prefixes: [''] }]
  const authorisation = { ...cacheDefaults.authorisation, mode: 'verify' as const, keys }
  const world = cacheWorld({ authorisation }, { signatures: lenient })
  const authorization = 'AWS4-HMAC-SHA256 Credential=AKIAALICE/x, SignedHeaders=host;x-amz-own, Signature=x'
  const headers = [
    'Authorization',
    authorization,
    'x-amz-own',
    '1',
    'X-Amz-Slipped-In',
    'evil',
    'Accept',
    '*/*',
  ]
  await world.read(object, { headers })
  const sent = world.origin.requests[0]!.headers
  const names = sent.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase())
  t.notOk(names.includes('x-amz-slipped-in'))
  t.ok(names.includes('x-amz-own') && names.includes('accept'))
  t.equal(names.filter((name) => name === 'authorization').length, 1)
})

t.test('verify: a Content-Length of no body (s3cmd sends one) is not signed anew', async (t) => {
  const world = guardedWorld('verify')
  await as(world, alice, ['Content-Length', '0'])
  const { headers } = world.origin.requests[0]!
  t.equal(headerValue(headers, 'content-length'), undefined)
  t.notMatch(headerValue(headers, 'authorization'), 'content-length')
})
