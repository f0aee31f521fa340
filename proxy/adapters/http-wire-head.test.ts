import t from 'tap'
import { parseAnswerHead } from './http-wire-head.ts'
import { requestText } from './http-wire-request.ts'

const parse = (text: string, method = 'GET') => parseAnswerHead(Buffer.from(text, 'latin1'), method)
const ok = 'HTTP/1.1 200 OK\r\n'

t.test('what a head says of its body and of its connection', (t) => {
  const cases: [head: string, method: string, expected: object][] = [
    [`${ok}Content-Length: 12\r\n`, 'GET', { framing: 12, keepAlive: true }],
    [`${ok}Content-Length: 12\r\n`, 'HEAD', { framing: 0 }],
    [`${ok}Transfer-Encoding: Chunked\r\n`, 'GET', { framing: 'chunked' }],
    [ok, 'GET', { framing: 'until-close' }],
    [`${ok}Content-Length: 0\r\nConnection: keep-alive, Close\r\n`, 'GET', { keepAlive: false }],
    ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\n', 'GET', { keepAlive: false }],
    ['HTTP/1.1 204 \r\n', 'GET', { status: 204, framing: 0 }],
    ['HTTP/1.1 304\r\nContent-Length: 12\r\n', 'GET', { status: 304, framing: 0 }],
    [
      `${ok}X-a:  b \t\r\nx-A:\r\nContent-Length: 3\r\n`,
      'GET',
      { headers: ['X-a', 'b', 'x-A', '', 'Content-Length', '3'] },
    ],
  ]
  for (const [head, method, expected] of cases) {
    t.match(parse(`${head}\r\nbody`, method), { kind: 'head', end: head.length + 2, ...expected }, head)
  }
  t.end()
})

t.test('each part of a head may be all that has come; what can become none is refused at once', (t) => {
  const head = `${ok}Content-Length: 12\r\nX: y\r\n\r\n`
  for (let end = 0; end < head.length; end++)
    t.equal(parse(head.slice(0, end)).kind, 'incomplete', head.slice(0, end))
  t.equal(parse(head).kind, 'head')
  const faults = [
    'SSH-2.0',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 600 No\r\n\r\n',
    'HTTP/1.1  200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\nX: y',
    `${ok}X : y\r\n\r\n`,
    `${ok}X: y\r\n folded\r\n\r\n`,
    `${ok}X: a\0b\r\n\r\n`,
    `${ok}no colon\r\n\r\n`,
    `${ok}Content-Length: +5\r\n\r\n`,
    `${ok}Content-Length: 5, 5\r\n\r\n`,
    `${ok}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
    `${ok}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    `${ok}X: ${'y'.repeat(70_000)}`,
    `${ok}${'X: y\r\n'.repeat(300)}\r\n`,
  ]
  for (const text of faults) t.equal(parse(text).kind, 'fault', text.slice(0, 60))
  t.end()
})

t.test('a request is written as it was given, but for the headers of a hop', (t) => {
  const headers = ['Host', 'a', 'X-b', '\xe9', 'TE', 'gzip', 'Connection', 'close', 'Keep-Alive', '5']
  const more = ['Upgrade', 'h2c', 'Expect', '100-continue', 'Transfer-Encoding', 'chunked']
  const text = requestText(
    {
      method: 'GET',
      target: '//b/%2f?x',
      headers: [...headers, ...more, 'Content-Length', '5', 'x-B', '2'],
      body: null,
    },
    'other',
  )
  t.equal(text, 'GET //b/%2f?x HTTP/1.1\r\nHost: a\r\nX-b: \xe9\r\nx-B: 2\r\n\r\n')
  const hostless = requestText({ method: 'HEAD', target: '/', headers: [], body: null }, 'h:8')
  t.equal(hostless, 'HEAD / HTTP/1.1\r\nHost: h:8\r\n\r\n')
  t.end()
})

t.test('nothing is written that would split a request', (t) => {
  const asked = (target: string, headers: string[]) => () =>
    requestText({ method: 'GET', target, headers, body: null }, 'h')
  const refused = { code: 'bad-request' }
  for (const bad of ['\r\nX: y', '\n', '\0', '\u010a', '\u{1f600}']) {
    t.throws(asked(`/a${bad}`, []), refused)
    t.throws(asked('/', ['X', `a${bad}`]), refused)
    t.throws(asked('/', [`X${bad}`, 'a']), refused)
  }
  t.throws(asked('/a b', []), refused)
  t.end()
})
