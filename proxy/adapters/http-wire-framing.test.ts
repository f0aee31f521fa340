import fc from 'fast-check'
import t from 'tap'
import { bodyReader } from './http-wire-framing.ts'

/** What a reader makes of bytes that come in pieces of these sizes. */
function read(bytes: Buffer, framing: Parameters<typeof bodyReader>[0], sizes: readonly number[]) {
  const reader = bodyReader(framing)
  const body: Buffer[] = []
  const sink = { push: (piece: Uint8Array) => void body.push(Buffer.from(piece)) }
  let used = 0
  for (let at = 0, i = 0; at < bytes.length && !reader.ended; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1)
    used += reader.feed(bytes.subarray(at, end), sink)
    at = end
  }
  return { body: Buffer.concat(body).toString('latin1'), used, ended: reader.ended }
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })
const chunk = fc.record({
  text: fc.string({ minLength: 1, maxLength: 60, unit: 'binary-ascii' }),
  extension: fc.constantFrom('', ';a', '; a=b', ' '),
})

t.test('chunks give the same body however the bytes come, and leave what is behind them', (t) => {
  const seed = Date.now()
  t.comment(`seed ${seed}`)
  const trailers = fc.constantFrom('', 'X: y\r\n', 'X: y\r\nZ: 1\r\n')
  fc.assert(
    fc.property(fc.array(chunk), trailers, sizes, (chunks, trailer, sizes) => {
      const wire = chunks
        .map(({ text, extension }) => `${text.length.toString(16)}${extension}\r\n${text}\r\n`)
        .join('')
      const message = `${wire}0\r\n${trailer}\r\n`
      const seen = read(Buffer.from(`${message}HTTP/1.1 200`, 'latin1'), 'chunked', sizes)
      const body = chunks.map(({ text }) => text).join('')
      t.strictSame(seen, { body, used: message.length, ended: true })
      const cut = read(Buffer.from(message.slice(0, -1), 'latin1'), 'chunked', sizes)
      t.equal(cut.ended, false, 'without its last byte it has not ended')
    }),
    { seed, numRuns: 200 },
  )
  t.end()
})

t.test('malformed chunks throw', (t) => {
  const cases = [
    'xyz\r\n',
    '-1\r\n',
    '\r\n',
    '5\n',
    '0x5\r\nhello\r\n',
    '5\r\nhelloX\r\n',
    '5\r\nhello\n',
    '1000000000000000\r\n',
    '0\r\nX: y\n',
    `5;${'a'.repeat(20_000)}`,
    `0\r\n${'X: y\r\n'.repeat(4000)}`,
  ]
  for (const text of cases) {
    t.throws(() => read(Buffer.from(text), 'chunked', [7]), { code: 'truncated' }, text.slice(0, 30))
  }
  t.end()
})

t.test('a length ends at its last byte, and what has no length only with the connection', (t) => {
  t.strictSame(read(Buffer.from('helloHTTP'), 5, [3]), { body: 'hello', used: 5, ended: true })
  t.strictSame(read(Buffer.from('hell'), 5, [3]), { body: 'hell', used: 4, ended: false })
  t.strictSame(read(Buffer.from('hello'), 'until-close', [2]), { body: 'hello', used: 5, ended: false })
  t.end()
})
