// Requests that a server must refuse, byte for byte, and what it must say (RFC 9112, RFC 9110): what proxies have been
// smuggled through with, and what is plainly malformed. One that takes any of these for another request hands the
// requests of one client to another.

export interface StrictCase {
  readonly name: string
  readonly bytes: string
  readonly status: number
}

const host = 'Host: s3.test\r\n'
const get = (fields: string, target = '/b/k') => `GET ${target} HTTP/1.1\r\n${fields}\r\n`
const put = (fields: string, body = 'hello') => `PUT /b/k HTTP/1.1\r\n${host}${fields}\r\n${body}`
const chunked = (body: string) => put('Transfer-Encoding: chunked\r\n', body)

/** What a request smuggled behind the refused one asks for: no handler may ever see it. */
export const smuggledTarget = '/b/smuggled'
export const smuggled = `GET ${smuggledTarget} HTTP/1.1\r\n${host}\r\n`

/** Refused by the head alone. */
export const badHeads: readonly StrictCase[] = [
  // Two parsers that disagree on where a body ends (RFC 9112 §6.3)
  {
    name: 'Content-Length beside Transfer-Encoding',
    bytes: put('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding before Content-Length',
    bytes: put('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', '0\r\n\r\n'),
    status: 400,
  },
  { name: 'two lengths that differ', bytes: put('Content-Length: 5\r\nContent-Length: 6\r\n'), status: 400 },
  { name: 'two lengths that agree', bytes: put('Content-Length: 5\r\nContent-Length: 5\r\n'), status: 400 },
  { name: 'a list of lengths', bytes: put('Content-Length: 5, 5\r\n'), status: 400 },
  { name: 'a length with a plus', bytes: put('Content-Length: +5\r\n'), status: 400 },
  { name: 'a negative length', bytes: put('Content-Length: -5\r\n'), status: 400 },
  { name: 'a hexadecimal length', bytes: put('Content-Length: 0x5\r\n'), status: 400 },
  { name: 'a length with a space inside', bytes: put('Content-Length: 5 5\r\n'), status: 400 },
  { name: 'an empty length', bytes: put('Content-Length:\r\n'), status: 400 },
  {
    name: 'a length beyond all numbers',
    bytes: put('Content-Length: 99999999999999999999999\r\n'),
    status: 400,
  },
  { name: 'an unknown transfer coding', bytes: put('Transfer-Encoding: xchunked\r\n'), status: 501 },
  {
    name: 'gzip below chunked',
    bytes: put('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    status: 501,
  },
  { name: 'chunked twice', bytes: put('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), status: 400 },
  {
    name: 'chunked below identity',
    bytes: put('Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'two Transfer-Encodings',
    bytes: put('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'chunked with a vertical tab before it',
    bytes: put('Transfer-Encoding: \x0bchunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding with a space before its colon',
    bytes: put('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes: `PUT /b/k HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  { name: 'a GET with a body', bytes: `${get(`${host}Content-Length: 5\r\n`)}hello`, status: 400 },
  {
    name: 'a GET with a chunked body',
    bytes: `${get(`${host}Transfer-Encoding: chunked\r\n`)}0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'a HEAD with a body',
    bytes: `HEAD /b/k HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
    status: 400,
  },
  // Lines and fields (RFC 9112 §2.2, §5)
  { name: 'bare LF behind a field', bytes: get('Host: s3.test\nX: 1\r\n'), status: 400 },
  { name: 'bare LF behind the request line', bytes: `GET /b/k HTTP/1.1\n${host}\r\n`, status: 505 },
  { name: 'bare LF for the empty line', bytes: `GET /b/k HTTP/1.1\r\n${host}\n`, status: 400 },
  { name: 'bare CR within a value', bytes: get(`${host}X: a\rb\r\n`), status: 400 },
  { name: 'bare CR behind a field', bytes: get('Host: s3.test\rX: 1\r\n'), status: 400 },
  { name: 'a folded line', bytes: get(`${host}X: a\r\n b\r\n`), status: 400 },
  {
    name: 'a folded line that hides a length',
    bytes: get(`${host}X: a\r\n Content-Length: 50\r\n`),
    status: 400,
  },
  { name: 'white space before the first field', bytes: get(` ${host}`), status: 400 },
  { name: 'a space before the colon', bytes: get('Host : s3.test\r\n'), status: 400 },
  { name: 'a field without a name', bytes: get(`${host}: x\r\n`), status: 400 },
  { name: 'a field without a colon', bytes: get(`${host}nonsense\r\n`), status: 400 },
  { name: 'a name that is no token', bytes: get(`${host}X[1]: x\r\n`), status: 400 },
  { name: 'NUL in a name', bytes: get(`${host}X\0: x\r\n`), status: 400 },
  { name: 'NUL in a value', bytes: get(`${host}X: a\0b\r\n`), status: 400 },
  { name: 'a control character in a value', bytes: get(`${host}X: a\x01b\r\n`), status: 400 },
  { name: 'DEL in a value', bytes: get(`${host}X: a\x7fb\r\n`), status: 400 },
  // Host (RFC 9112 §3.2)
  { name: 'no Host', bytes: get('X: 1\r\n'), status: 400 },
  { name: 'two Hosts', bytes: get(`${host}Host: other.test\r\n`), status: 400 },
  { name: 'the same Host twice', bytes: get(`${host}${host}`), status: 400 },
  { name: 'an empty Host', bytes: get('Host:\r\n'), status: 400 },
  { name: 'a Host with a space', bytes: get('Host: s3.test other\r\n'), status: 400 },
  { name: 'a Host with a path', bytes: get('Host: s3.test/x\r\n'), status: 400 },
  { name: 'a Host with a user', bytes: get('Host: me@s3.test\r\n'), status: 400 },
  { name: 'a Host with a list', bytes: get('Host: s3.test, other.test/\r\n'), status: 400 },
  { name: 'a Host with a port that is none', bytes: get('Host: s3.test:80x\r\n'), status: 400 },
  // Targets (RFC 9112 §3.2)
  { name: 'an absolute target for another host', bytes: get(host, 'http://other.test/b/k'), status: 400 },
  { name: 'an absolute target with a user', bytes: get(host, 'http://s3.test@other.test/b/k'), status: 400 },
  { name: 'a fragment', bytes: get(host, '/b/k#x'), status: 400 },
  { name: 'a target without a slash', bytes: get(host, 'b/k'), status: 400 },
  { name: 'no target', bytes: `GET HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'a space within the target', bytes: get(host, '/b/k x'), status: 400 },
  { name: 'a tab behind the method', bytes: `GET\t/b/k HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'a byte beyond ASCII in the target', bytes: get(host, '/b/\xe9'), status: 400 },
  { name: 'NUL in the target', bytes: get(host, '/b/\0'), status: 400 },
  // Versions and methods
  { name: 'HTTP/2.0', bytes: `GET /b/k HTTP/2.0\r\n${host}\r\n`, status: 505 },
  { name: 'HTTP/1.2', bytes: `GET /b/k HTTP/1.2\r\n${host}\r\n`, status: 505 },
  { name: 'a version in small letters', bytes: `GET /b/k http/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'a version with white space behind it', bytes: `GET /b/k HTTP/1.1 \r\n${host}\r\n`, status: 505 },
  { name: 'no version', bytes: `GET /b/k\r\n${host}\r\n`, status: 505 },
  { name: 'a method nobody knows', bytes: `FETCH /b/k HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'a method in small letters', bytes: `get /b/k HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'CONNECT', bytes: `CONNECT other.test:443 HTTP/1.1\r\n${host}\r\n`, status: 405 },
  { name: 'TRACE', bytes: `TRACE /b/k HTTP/1.1\r\n${host}\r\n`, status: 405 },
  {
    name: 'Upgrade to a web socket',
    bytes: get(`${host}Connection: upgrade\r\nUpgrade: websocket\r\n`),
    status: 501,
  },
  {
    name: 'Upgrade to HTTP/2',
    bytes: get(
      `${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`,
    ),
    status: 501,
  },
  {
    name: 'an expectation nobody knows',
    bytes: put('Expect: a-miracle\r\nContent-Length: 5\r\n'),
    status: 417,
  },
  // Sizes (RFC 6585 §5)
  { name: 'a field that is too large', bytes: get(`${host}X: ${'a'.repeat(70_000)}\r\n`), status: 431 },
  { name: 'a target that is too long', bytes: get(host, `/${'a'.repeat(70_000)}`), status: 431 },
  { name: 'too many fields', bytes: get(`${host}${'X: 1\r\n'.repeat(300)}`), status: 431 },
]

/** Refused within the body: the handler may have the head already, but must never see the body end. */
export const badBodies: readonly StrictCase[] = [
  {
    name: 'a chunk size that overflows',
    bytes: chunked('FFFFFFFFFFFFFFFFF1\r\nhello\r\n0\r\n\r\n'),
    status: 400,
  },
  { name: 'a chunk size that is no number', bytes: chunked('xyz\r\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk size with 0x', bytes: chunked('0x5\r\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk size with a plus', bytes: chunked('+5\r\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk size with a minus', bytes: chunked('-5\r\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk that is longer than its size', bytes: chunked('3\r\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk size line that ends in bare LF', bytes: chunked('5\nhello\r\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk that ends in bare LF', bytes: chunked('5\r\nhello\n0\r\n\r\n'), status: 400 },
  { name: 'a chunk extension with a bare LF', bytes: chunked('5;a\nb\r\nhello\r\n0\r\n\r\n'), status: 400 },
  {
    name: 'chunk extensions without end',
    bytes: chunked(`5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`),
    status: 413,
  },
]
