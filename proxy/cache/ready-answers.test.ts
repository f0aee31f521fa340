import t from 'tap'
import { createMemoryStore } from '../adapters/memory-store.ts'
import type { ProxyResponse, StoredEntry } from '../object.ts'
import { cacheWorld, readAnswer } from '../testing/cache-world.ts'
import type { Reply } from './exchange.ts'
import { ReadyAnswers } from './ready-answers.ts'

const target = '/maps/app.js.map'

/** Not whole seconds: Age and ttl change at different instants. */
const freshMs = 3_600_400

function world() {
  const store = createMemoryStore({ maxBytes: 1_000_000, maxObjectBytes: 100_000, eviction: 'lru' })
  const { origin, clock, cache, read, request } = cacheWorld(
    { valid: [{ prefix: '', status: 200, timeMs: freshMs }] },
    { store },
  )
  origin.put(target, 'first')
  /** Stores the object; then it is neither a whole second old nor fresh for whole seconds. */
  const warm = async () => {
    await read(target)
    await clock.advance(1)
  }
  /** A hit, which is answered at once. */
  const hit = (more?: Parameters<typeof request>[1]) =>
    cache.handle({ ...request(target, more), isRepeated: true }) as ProxyResponse
  /** The answer to the last of several hits of one instant. */
  const hot = () => Array.from({ length: 20 }, () => hit()).at(-1)!
  return { origin, clock, cache, request, read, warm, hit, hot }
}

t.test('the hits of one second get the very same answer, marked after some', async (t) => {
  const { warm, hit, hot } = world()
  await warm()
  const first = hit()
  t.notOk(first.repeated)
  const marked = hot()
  t.strictSame(marked, { ...first, repeated: true })
  t.equal(hit(), marked)
})

t.test('a request that came for the first time is answered for itself', async (t) => {
  const { cache, request, warm, hot } = world()
  await warm()
  t.equal(hot().repeated, true)
  t.notOk((cache.handle(request(target)) as ProxyResponse).repeated)
})

t.test('Age and ttl go on, second by second, each at its own instant', async (t) => {
  const { clock, read, hit, hot } = world()
  await clock.advance(300)
  await read(target)
  for (let i = 0; i < 50; i++) {
    const sinceMs = i * 130
    for (const answer of [hit(), hit(), hot()]) {
      const { header, cacheStatus } = await readAnswer(answer)
      t.equal(header('age'), String(Math.floor(sinceMs / 1000)))
      t.match(cacheStatus, `ttl=${Math.floor((freshMs - sinceMs) / 1000)};`)
    }
    await clock.advance(130)
  }
})

t.test('HEAD, ranges and conditions get answers of their own', async (t) => {
  const { warm, hit, hot } = world()
  await warm()
  t.equal(hot().repeated, true)
  const others = [
    { method: 'HEAD' },
    { headers: ['Range', 'bytes=0-1'] },
    { headers: ['If-None-Match', '*'] },
  ]
  for (const more of others) t.notOk(hit(more).repeated, JSON.stringify(more))
})

t.test('a replaced object is answered with its new bytes at once', async (t) => {
  const { origin, read, warm, hit, hot } = world()
  await warm()
  t.equal(hot().repeated, true)
  await read(target, { method: 'PUT' })
  origin.put(target, 'second')
  t.equal((await read(target)).word, 'MISS')
  const { bytes } = await readAnswer(hit())
  t.equal(Buffer.from(bytes).toString(), 'second')
})

t.test('whether a request may have the answer is decided each time: its presigned URL expires', async (t) => {
  const { clock, cache, request, warm } = world()
  await warm()
  const signature = 'X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-Signature=0'
  const sent = { ...request(`${target}?${signature}`), isRepeated: true }
  const answers = () => Array.from({ length: 20 }, () => cache.handle(sent) as ProxyResponse)
  t.match(answers().at(-1), { status: 200, repeated: true })
  await clock.advance(61_000)
  t.ok(answers().every(({ status }) => status === 403))
})

t.test('whether the entry is fresh is decided each time', async (t) => {
  const { clock, warm, hit, hot } = world()
  await warm()
  await clock.advance(freshMs - 100)
  t.match(hot(), { status: 200, repeated: true })
  await clock.advance(100)
  const answer = await clock.until(Promise.resolve(hit()))
  t.notOk(answer.repeated)
  t.not((await readAnswer(answer)).word, 'HIT')
})

const meta = {
  status: 200,
  headers: [],
  etag: null,
  validatedAtMs: 0,
  freshUntilMs: 9_999_500,
  isPublic: true,
}
const entryOf = (key: string, bodyBytes: number): StoredEntry => ({ key, meta: { ...meta, bodyBytes } })
const replyOf = (body: Uint8Array, entry: StoredEntry): Reply => ({
  response: { status: 200, headers: [], body },
  outcome: { word: 'HIT', because: 'fresh', backend: 'none' },
  meta: entry.meta,
  upstreamMs: null,
  upstreamBytes: () => 0,
})

/** Asks for an entry 30 times at `wallMs`; how often the answer was marked `repeated`. */
function repeats(answers: ReadyAnswers, entry: StoredEntry, wallMs = 0): number {
  const body = Buffer.alloc(entry.meta.bodyBytes)
  const replies = Array.from({ length: 30 }, () =>
    answers.reply(entry, body, wallMs, () => replyOf(body, entry)),
  )
  return replies.filter(({ response }) => response.repeated).length
}

t.test('the larger a body, the more hits it takes until it is worth a copy', async (t) => {
  const answers = new ReadyAnswers()
  t.strictSame(
    [4096, 65_536, 131_072, 131_073].map((bytes) => repeats(answers, entryOf(`of ${bytes}`, bytes))),
    [13, 10, 6, 0],
  )
})

t.test('bytes held twice are bounded and counted, and free in the next second', async (t) => {
  const answers = new ReadyAnswers()
  let marked = 0
  for (let i = 0; i < 300; i++) if (repeats(answers, entryOf(`k${i}`, 100_000)) > 0) marked++
  t.equal(answers.repeatedBytes, marked * 100_000)
  t.ok(marked > 100 && answers.repeatedBytes <= 16 * 1024 * 1024, String(answers.repeatedBytes))
  t.ok(repeats(answers, entryOf('k', 100_000), 1000) > 0)
  t.equal(answers.repeatedBytes, 100_000)
})

t.test('another entry under the same key is answered at once, in the place of the old one', async (t) => {
  const answers = new ReadyAnswers()
  const [old, young] = [entryOf('k', 4096), entryOf('k', 8192)]
  repeats(answers, old)
  const body = Buffer.alloc(8192)
  const { response } = answers.reply(young, body, 0, () => replyOf(body, young))
  t.equal(response.body, body)
  t.equal(answers.repeatedBytes, 8192)
})

t.test('the same body of another entry is another answer', async (t) => {
  const answers = new ReadyAnswers()
  const body = Buffer.alloc(10)
  const ask = (entry: StoredEntry) => answers.reply(entry, body, 0, () => replyOf(body, entry))
  const old = entryOf('k', 10)
  for (let i = 0; i < 20; i++) t.equal(ask(old).meta, old.meta)
  const young = entryOf('k', 10)
  t.equal(ask(young).meta, young.meta)
})

t.test('what the store gives now is answered, were it the same entry read anew', async (t) => {
  const answers = new ReadyAnswers()
  const entry = entryOf('k', 10)
  const ask = (body: Uint8Array) => answers.reply(entry, body, 0, () => replyOf(body, entry))
  const [old, young] = [Buffer.alloc(10), Buffer.alloc(10)]
  for (let i = 0; i < 20; i++) t.equal(ask(old).response.body, old)
  t.equal(ask(young).response.body, young)
})
