import fc from 'fast-check'
import t from 'tap'
import { BadResponse, type ResponseHead, ResponseReader } from './response-reader.ts'

function read(pieces: readonly Buffer[], method = 'GET') {
  const heads: ResponseHead[] = []
  let body = ''
  let ends = 0
  const reader = new ResponseReader(
    {
      onHead: (head) => heads.push(head),
      onBody: (chunk) => (body += chunk.toString('latin1')),
      onEnd: () => ends++,
    },
    method,
  )
  for (const piece of pieces) reader.feed(piece)
  return { heads, reader, ends: () => ends, body: () => body }
}

const bytes = (text: string) => Buffer.from(text, 'latin1')

const whole: [string, string, string, string][] = [
  ['a counted body', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
  ['an empty body', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  [
    'chunks',
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\n\r\n',
    'hello',
  ],
  [
    'chunks and a trailer',
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n',
    'hello',
  ],
  ['an answer to HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', ''],
  ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n', ''],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
  [
    'an interim answer before',
    'GET',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    'ok',
  ],
]

for (const [what, method, text, body] of whole) {
  t.test(`reads ${what}, in one piece and however it is cut`, (t) => {
    const once = read([bytes(text)], method)
    t.equal(once.ends(), 1)
    t.equal(once.body(), body)
    const cuts = fc.array(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 8 })
    const property = fc.property(cuts, (points) => {
      const at = [0, ...points.toSorted((a, b) => a - b), text.length]
      const end = read(
        at.slice(1).map((to, i) => bytes(text.slice(at[i], to))),
        method,
      )
      return end.ends() === 1 && end.body() === body && end.heads.length === 1
    })
    const report = fc.check(property, { numRuns: 100 })
    t.notOk(report.failed, `seed ${report.seed}, counterexample ${JSON.stringify(report.counterexample)}`)
    t.end()
  })
}

function thrown(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

const bad: [string, string][] = [
  ['no HTTP', 'SSH-2.0\r\n\r\n'],
  ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
  ['a header line without a colon', 'HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'],
  ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['two lengths in one field', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n'],
  ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['a chunk size that is no number', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n'],
  ['a chunk longer than it said', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n'],
  ['bytes after the end', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP'],
  ['an endless head', `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}`],
  ['a protocol switch', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
]

for (const [what, text] of bad) {
  t.test(`refuses ${what}`, (t) => {
    t.ok(thrown(() => read([bytes(text)])) instanceof BadResponse)
    t.end()
  })
}

t.test('a body without a length ends with the connection, and only then', (t) => {
  const { reader, ends, body, heads } = read([bytes('HTTP/1.1 200 OK\r\n\r\nhel'), bytes('lo')])
  t.equal(ends(), 0)
  t.ok(reader.endsByClose())
  t.equal(ends(), 1)
  t.equal(body(), 'hello')
  t.notOk(heads[0]!.keepAlive)
  t.end()
})

t.test('a close within a counted or chunked body is no end', (t) => {
  t.notOk(read([bytes('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel')]).reader.endsByClose())
  t.notOk(read([bytes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel')]).reader.endsByClose())
  t.notOk(read([bytes('HTTP/1.1 200')]).reader.endsByClose())
  t.end()
})

t.test('who may be asked again on the same connection', (t) => {
  const keeps = (text: string) => read([bytes(text)]).heads[0]!.keepAlive
  t.ok(keeps('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  t.notOk(keeps('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n'))
  t.notOk(keeps('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'))
  t.ok(keeps('HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n'))
  t.end()
})

t.test('random bytes are refused or waited for, never taken for an answer', (t) => {
  const property = fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
    try {
      return read([Buffer.from(noise)]).ends() === 0
    } catch (error) {
      return error instanceof BadResponse
    }
  })
  const report = fc.check(property, { numRuns: 300 })
  t.notOk(report.failed, `seed ${report.seed}`)
  t.end()
})
