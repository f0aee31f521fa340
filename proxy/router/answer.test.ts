import t from 'tap'
import { parseFields } from '../adapters/http-fields.ts'
import { type AnswerHead, parseAnswerHead } from '../adapters/http-wire-head.ts'
import type { OriginResponse } from '../ports.ts'
import { pieces } from '../testing/memory-origin.ts'
import { RelayedAnswer } from './answer.ts'

const cache = { name: 'cache1', backup: false }

/** As the lean client gives an answer with these lines. */
function received(lines: readonly string[]): OriginResponse {
  const bytes = Buffer.from(
    `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\nbody`,
    'latin1',
  )
  const { status, headers, received } = parseAnswerHead(bytes, 'GET') as AnswerHead
  return { status, headers, received, body: pieces([]) }
}

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['a hit', ['Content-Length: 4', 'X-Cache-Status: HIT', 'Cache-Status: breakwater-cache; hit']],
  ['what S3 says', ['ETag: "1"', 'Content-Length: 4', 'Cache-Status: forged', 'x-backend: forged']],
  ['X-Backend first and last', ['X-Backend: none', 'X-Cache-Status: HIT', 'x-BACKEND: none']],
  [
    'headers of the connection',
    ['Connection: close, X-Own', 'X-Own: 1', 'Keep-Alive: timeout=5', 'ETag: "1"'],
  ],
  ['odd white space and bytes', ['A:b', 'C: \t d\t ', 'Latin: \xe9\xff', 'X-Cache-Status:HIT', 'Empty:']],
  ['no header at all', []],
]

t.test('the lines that are passed on say what the list says', (t) => {
  for (const [name, lines] of cases) {
    for (const backend of [cache, { name: 's3', backup: true }]) {
      const answer = new RelayedAnswer(received(lines), null, 'router', backend, 'preferred')
      t.same(parseFields(`${answer.lines!.text}\r\n`, 0), answer.headers, `${name}, from ${backend.name}`)
      const { received: _, ...unknown } = received(lines)
      const listed = new RelayedAnswer(unknown, null, 'router', backend, 'preferred')
      t.equal(listed.lines, undefined)
      t.same(listed.headers, answer.headers)
    }
  }
  t.end()
})

t.test('a server is believed what a cache node says of itself, and nothing that S3 says of caches', (t) => {
  const [name, lines] = cases[1]!
  const { headers } = new RelayedAnswer(
    received(lines),
    null,
    'router',
    { name: 's3', backup: true },
    'backup',
  )
  t.same(
    headers,
    [
      ['ETag', '"1"', 'Content-Length', '4'],
      ['Cache-Status', 'router; fwd=bypass; detail=backup', 'X-Cache-Status', 'BYPASS'],
      ['X-Backend', 's3', 'Via', '1.1 router'],
    ].flat(),
    name,
  )
  t.end()
})

t.test('lines are passed on byte for byte', (t) => {
  const [, lines] = cases[4]!
  const { text } = new RelayedAnswer(received(lines), null, 'router', cache, 'preferred').lines!
  t.equal(text, `${lines.join('\r\n')}\r\nX-Backend: cache1\r\nVia: 1.1 router\r\n`)
  t.end()
})
