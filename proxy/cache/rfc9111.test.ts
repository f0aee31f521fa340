// The rfc9111 profile: the origin's and the client's Cache-Control decide.
import t from 'tap'
import { type HeaderList, headerValue } from '../object.ts'
import { once } from '../testing/bodies.ts'
import { cacheWorld } from '../testing/cache-world.ts'

const path = '/site/page'
const secondMs = 1000

/** A world whose origin answers with these headers, counting its answers in the body. */
function worldOf(headers: HeaderList, options: Parameters<typeof cacheWorld>[0] = {}) {
  const world = cacheWorld({ profile: 'rfc9111', valid: [], useStale: ['error', 'timeout'], ...options })
  let answers = 0
  world.origin.intercept = (asked) => {
    if (world.origin.mood !== 'ok') return undefined
    const validators = ['ETag', '"one"', 'Date', new Date(world.clock.wallMs()).toUTCString()]
    if (headerValue(asked.headers, 'if-none-match') === '"one"') {
      return { status: 304, headers: [...validators, 'Content-Length', '0', ...headers], body: once('') }
    }
    answers++
    return {
      status: 200,
      headers: [...validators, 'Content-Length', '1', ...headers],
      body: once(String(answers)),
    }
  }
  return world
}

t.test('how long an answer is fresh', async (t) => {
  const inOneMinute = new Date(Date.UTC(2026, 0, 1, 0, 1)).toUTCString()
  const cases: [HeaderList, number | 'not stored'][] = [
    [['Cache-Control', 'max-age=60'], 60],
    [['Cache-Control', 'max-age=10, s-maxage=60'], 60],
    [['Cache-Control', 'public, MAX-AGE="60"'], 60],
    [['Expires', inOneMinute], 60],
    [['Expires', inOneMinute, 'Cache-Control', 'max-age=10'], 10],
    [['Cache-Control', 'max-age=60', 'Age', '50'], 10],
    [['Expires', '0'], 0],
    [['Cache-Control', 'no-cache'], 0],
    [['Cache-Control', 'max-age=nonsense'], 0],
    [['Cache-Control', 'no-store'], 'not stored'],
    [['Cache-Control', 'private, max-age=60'], 'not stored'],
    [['Vary', '*', 'Cache-Control', 'max-age=60'], 'not stored'],
    [[], 'not stored'],
  ]
  for (const [headers, seconds] of cases) {
    const world = worldOf(headers)
    await world.read(path)
    const meta = world.store.lookup('site/page')?.meta
    const name = headers.join(' ')
    if (seconds === 'not stored') t.equal(meta, undefined, name)
    else t.ok(meta && Math.abs(meta.freshUntilMs - world.clock.wallMs() - seconds * 1000) < 1000, name)
  }
})

t.test('"valid" of the configuration is for answers that state nothing', async (t) => {
  const world = worldOf([], { valid: [{ prefix: '', status: 200, timeMs: 5000 }] })
  await world.read(path)
  t.equal((await world.read(path)).word, 'HIT')
  await world.clock.advance(6 * secondMs)
  t.equal((await world.read(path)).word, 'REVALIDATED')
})

t.test('a 304 updates the stored headers, and Age starts anew', async (t) => {
  const headers = ['Cache-Control', 'max-age=60', 'X-Version', '1']
  const world = worldOf(headers)
  await world.read(path)
  await world.clock.advance(61 * secondMs)
  headers[3] = '2'
  const answer = await world.read(path)
  t.equal(answer.word, 'REVALIDATED')
  t.equal(answer.header('x-version'), '2')
  t.equal(answer.header('age'), '0')
  t.equal(answer.header('content-length'), '1')
  const hit = await world.read(path)
  t.equal(hit.header('x-version'), '2')
})

t.test('what a client’s Cache-Control asks of the cache', async (t) => {
  const cases: [string, string, string][] = [
    ['no-cache', 'REVALIDATED', 'request-no-cache'],
    ['max-age=5', 'REVALIDATED', 'request-no-cache'],
    ['max-age=50', 'HIT', 'fresh'],
    ['min-fresh=55', 'REVALIDATED', 'request-no-cache'],
    ['min-fresh=5', 'HIT', 'fresh'],
    ['only-if-cached', 'HIT', 'fresh'],
  ]
  for (const [value, word, because] of cases) {
    const world = worldOf(['Cache-Control', 'max-age=60'])
    await world.read(path)
    await world.clock.advance(10 * secondMs)
    const answer = await world.read(path, { headers: ['Cache-Control', value] })
    t.equal(answer.word, word, value)
    t.match(answer.cacheStatus, because)
  }
  const world = worldOf(['Cache-Control', 'max-age=60'])
  t.equal((await world.read(path, { headers: ['Cache-Control', 'only-if-cached'] })).status, 504)
  await world.read(path, { headers: ['Cache-Control', 'no-store'] })
  t.strictSame(world.store.keys, [])
  await world.read(path)
  await world.clock.advance(70 * secondMs)
  t.equal((await world.read(path, { headers: ['Cache-Control', 'max-stale=20'] })).word, 'STALE')
  t.equal((await world.read(path, { headers: ['Cache-Control', 'max-stale'] })).word, 'STALE')
  t.equal((await world.read(path, { headers: ['Cache-Control', 'max-stale=5'] })).word, 'REVALIDATED')
})

t.test('must-revalidate and its kin are never served stale, not even while the origin is away', async (t) => {
  for (const directive of ['must-revalidate', 'proxy-revalidate', 's-maxage=60']) {
    const world = worldOf(['Cache-Control', `max-age=60, ${directive}`])
    await world.read(path)
    await world.clock.advance(61 * secondMs)
    world.origin.mood = 'refused'
    t.equal((await world.read(path)).status, 503, directive)
  }
  const world = worldOf(['Cache-Control', 'max-age=60'])
  await world.read(path)
  await world.clock.advance(61 * secondMs)
  world.origin.mood = 'refused'
  t.equal((await world.read(path)).word, 'STALE')
})

t.test('stale-while-revalidate serves at once for its time', async (t) => {
  const world = worldOf(['Cache-Control', 'max-age=60, stale-while-revalidate=30'])
  await world.read(path)
  await world.clock.advance(80 * secondMs)
  t.equal((await world.read(path)).word, 'STALE')
  await world.clock.advance(100)
  t.equal((await world.read(path)).word, 'HIT')
  await world.clock.advance(100 * secondMs)
  t.equal((await world.read(path)).word, 'REVALIDATED', 'and after it the client waits')
})

t.test('answers to requests with Authorization are kept only where the origin says so', async (t) => {
  for (const [directive, stored] of [
    ['max-age=60', false],
    ['max-age=60, public', true],
    ['s-maxage=60', true],
    ['max-age=60, must-revalidate', true],
  ] as const) {
    const world = worldOf(['Cache-Control', directive])
    await world.read(path, { headers: ['Authorization', 'Basic x'] })
    t.equal(world.store.keys.length === 1, stored, directive)
  }
})

t.test('an answer that varies is used only for requests like the one it was made for', async (t) => {
  const world = worldOf(['Cache-Control', 'max-age=60', 'Vary', 'Accept-Language, X-Other'])
  const german = { headers: ['Accept-Language', 'de , en'] }
  t.equal((await world.read(path, german)).word, 'MISS')
  t.equal((await world.read(path, { headers: ['Accept-Language', 'de, en'] })).word, 'HIT')
  t.equal((await world.read(path)).word, 'MISS')
  t.equal((await world.read(path, { headers: ['Accept-Language', 'fr'] })).word, 'MISS')
})

t.test('a chunked body without a length is stored once it has ended', async (t) => {
  const world = worldOf([])
  world.origin.intercept = () => ({
    status: 200,
    headers: ['Transfer-Encoding', 'chunked', 'Cache-Control', 'max-age=60'],
    body: once('body of unknown length'),
  })
  t.equal(new TextDecoder().decode((await world.read(path)).bytes), 'body of unknown length')
  const hit = await world.read(path)
  t.equal(hit.word, 'HIT')
  t.equal(hit.header('content-length'), '22')
  t.equal(hit.header('transfer-encoding'), undefined)
})
