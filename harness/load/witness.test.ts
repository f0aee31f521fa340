// Reads of parts: what of a server's answers is right, and what each way to be wrong is called.
import type { Socket } from 'node:net'
import t from 'tap'
import type { HistoryLine, Outcome, WindowLine } from '../history/events.ts'
import { startGenerator } from './generator.ts'
import type { ResponseHead } from './response-reader.ts'
import { answer, byteServer, configFor, objectOf } from './testing.ts'
import { acknowledgement, wholeObject } from './witness.ts'

const body = 'the body of an object that is read in parts, each compared byte by byte'
const object = objectOf('key', body)

/** A 206 that says it has `first` to `last` and has these bytes. */
function partial(bytes: string, first: number, last: number): string {
  const contentRange = `Content-Range: bytes ${first}-${last}/${body.length}`
  return `HTTP/1.1 206 Partial Content\r\n${contentRange}\r\nContent-Length: ${bytes.length}\r\n\r\n${bytes}`
}

/** The bytes that a Range header asks for. */
function asked(request: string): { first: number; last: number } | null {
  const [, from, to] = /^Range: bytes=(\d*)-(\d*)\r$/m.exec(request) ?? []
  if (from === undefined || to === undefined) return null
  if (from === '') return { first: body.length - Number(to), last: body.length - 1 }
  return { first: Number(from), last: to === '' ? body.length - 1 : Number(to) }
}

type Misdeed = (socket: Socket, first: number, last: number) => void
const flipped = (text: string) => text.slice(0, -1) + (text.endsWith('x') ? 'y' : 'x')

const table: [string, Outcome, RegExp, Misdeed][] = [
  ['gives what was asked for', 'direct', /^$/, (s, a, z) => s.write(partial(body.slice(a, z + 1), a, z))],
  [
    'gives it in two pieces',
    'direct',
    /^$/,
    (s, a, z) => {
      const whole = partial(body.slice(a, z + 1), a, z)
      s.write(whole.slice(0, -1))
      setTimeout(() => s.write(whole.slice(-1)), 5)
    },
  ],
  [
    'gives the same number of other bytes',
    'corrupt',
    /other bytes than bytes /,
    (s, a, z) => s.write(partial(flipped(body.slice(a, z + 1)), a, z)),
  ],
  [
    'gives the right bytes and says they are others',
    'corrupt',
    /Content-Range bytes .* instead of bytes /,
    (s, a, z) => s.write(partial(body.slice(a, z + 1), a + 1, z + 1)),
  ],
  [
    'does not say which bytes they are',
    'corrupt',
    /Content-Range missing/,
    (s, a, z) => s.write(`HTTP/1.1 206 OK\r\nContent-Length: ${z + 1 - a}\r\n\r\n${body.slice(a, z + 1)}`),
  ],
  [
    'gives more than was asked for',
    'corrupt',
    /bytes instead of/,
    (s, a, z) => s.write(partial(`${body.slice(a, z + 1)}!`, a, z)),
  ],
  [
    'gives less, with a clean end',
    'truncated',
    /ended cleanly/,
    (s, a, z) => s.write(partial(body.slice(a, z), a, z)),
  ],
  ['gives the whole object', 'corrupt', /status 200 for a part of an object/, (s) => s.write(answer(body))],
  [
    'says there is no such range',
    'http4xx',
    /status 416/,
    (s) => s.write('HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n'),
  ],
]

for (const [what, outcome, detail, misdeed] of table) {
  t.test(`asked for parts, a server that ${what} gives ${outcome} each time`, async (t) => {
    let parts = 0
    await using server = await byteServer((socket, request) => {
      const range = asked(request)
      if (range === null) return socket.write(answer(body))
      parts++
      misdeed(socket, range.first, range.last)
    })
    const lines: HistoryLine[] = []
    const config = configFor(server.url, t.testdir(), [object])
    const workload = { ...config.workload, ratePerSecond: 100, rangeShare: 1 }
    const generator = await startGenerator(
      { ...config, workload },
      { onLine: (line) => lines.push(line), onDeath: (why) => t.fail(why) },
    )
    await generator.phase({ mode: 'warm', name: 'warm', concurrency: 1 })
    await generator.phase({ mode: 'open-loop', name: 'parts', durationMs: 200 })
    await generator.end()
    const windows = lines.filter(
      (line): line is WindowLine => line.type === 'window' && line.phase === 'parts',
    )
    const ended = windows.map(({ byOutcome }) => byOutcome)
    t.ok(parts > 3, `${parts} parts were asked for`)
    t.ok(
      ended.every((outcomes) => Object.keys(outcomes).join() === outcome),
      JSON.stringify(ended),
    )
    t.equal(
      windows.reduce((sum, { scheduled }) => sum + scheduled, 0),
      parts,
    )
    const told = lines.filter((line) => line.type === 'failure')
    t.ok(
      told.every((line) => detail.test(line.detail)),
      told[0]?.detail ?? 'none failed',
    )
    t.equal(told.length === 0, outcome === 'direct')
  })
}

t.test('an object whose body has never been read whole is asked for whole', async (t) => {
  const ranges: (object | null)[] = []
  await using server = await byteServer((socket, request) => {
    ranges.push(asked(request))
    socket.write('HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n')
  })
  const config = configFor(server.url, t.testdir(), [object])
  const generator = await startGenerator(
    { ...config, workload: { ...config.workload, rangeShare: 1 } },
    { onLine() {}, onDeath: (why) => t.fail(why) },
  )
  await generator.phase({ mode: 'open-loop', name: 'cold', durationMs: 100 })
  await generator.end()
  t.ok(ranges.length > 3)
  t.ok(ranges.every((range) => range === null))
})

t.test(
  'the right bytes under the ETag of others are wrong; where S3 gives no certain ETag none is compared',
  async (t) => {
    const cases: [string, string | undefined, string | undefined, boolean][] = [
      ['the same', '"a"', '"a"', true],
      ['another', '"a"', '"b"', false],
      ['none sent', '"a"', undefined, true],
      ['none known', undefined, '"b"', true],
    ]
    for (const [what, known, sent, isRight] of cases) {
      const witness = wholeObject({ ...object, ...(known && { etag: known }) }, null)
      witness.add(Buffer.from(body))
      const headers = new Map(sent === undefined ? [] : [['etag', sent]])
      const wrong = witness.wrong({ status: 200, headers, keepAlive: true } as unknown as ResponseHead)
      t.equal(wrong === null, isRight, what)
      if (wrong !== null)
        t.match(wrong, { outcome: 'corrupt', detail: /right bytes, but ETag "b" instead of "a"/ })
    }
  },
)

t.test('an upload that is answered 200 with an error document is not acknowledged', async (t) => {
  const head = { status: 200, headers: new Map<string, string>(), keepAlive: true }
  const answered = (...pieces: string[]) => {
    const witness = acknowledgement()
    for (const piece of pieces) witness.add(Buffer.from(piece))
    return witness.wrong(head)?.outcome ?? null
  }
  t.equal(answered(), null)
  t.equal(answered('<CopyObjectResult></CopyObjectResult>'), null)
  t.equal(answered('<?xml version="1.0"?><Er', 'ror><Code>InternalError</Code></Error>'), 'http5xx')
})
