// A process that serves one large object with ranges and conditions, to be killed by a test. Prints its port when ready.
// Arguments: size in bytes, seed, and the name it gives itself in X-Cache-Status (a cache node says HIT; "" is S3).
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { patterned } from './memory-origin.ts'

const [size, seed, cacheStatus] = process.argv.slice(2)
const bytes = patterned(Number(size), Number(seed))
const etag = `"${size}-${seed}"`
const chunkBytes = 256 * 1024

function* pieces(first: number, last: number) {
  for (let at = first; at <= last; at += chunkBytes)
    yield bytes.subarray(at, Math.min(at + chunkBytes, last + 1))
}

const server = createServer(async (request, response) => {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const ifMatch = request.headers['if-match']
  if (ifMatch !== undefined && ifMatch !== etag) return void response.writeHead(412).end()
  const first = range ? Number(range[1]) : 0
  const last = range?.[2] ? Number(range[2]) : bytes.length - 1
  response.writeHead(range ? 206 : 200, {
    ETag: etag,
    'Content-Length': last - first + 1,
    ...(range && { 'Content-Range': `bytes ${first}-${last}/${bytes.length}` }),
    ...(cacheStatus && { 'X-Cache-Status': cacheStatus }),
  })
  if (request.method === 'HEAD') return void response.end()
  await pipeline(Readable.from(pieces(first, last)), response).catch(() => {})
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) console.log(address.port)
})
