import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { slowReaders, slowRequests, slowUploads } from './slow-clients.ts'

/** A server that lets everybody in, and what it saw. */
async function server(t: Test, bodyBytes: number) {
  const seen = { requests: 0, sent: 0, uploaded: 0, open: 0 }
  const listener = http.createServer((request, answer) => {
    seen.requests++
    request.on('data', (piece: Buffer) => {
      seen.uploaded += piece.length
    })
    if (request.method !== 'GET') return
    answer.writeHead(200, { 'Content-Length': bodyBytes })
    const piece = Buffer.alloc(65_536)
    const write = () => {
      while (seen.sent < bodyBytes && !answer.destroyed) {
        seen.sent += piece.length
        if (!answer.write(piece)) return answer.once('drain', write)
      }
      return answer
    }
    write()
  })
  listener.on('connection', (socket) => {
    seen.open++
    socket
      .on('error', () => {})
      .once('close', () => {
        seen.open--
      })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.teardown(() => {
    listener.closeAllConnections()
    listener.close()
  })
  const where = {
    entry: { url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}` },
    hostHeader: 's3.breakwater.test',
    credentials: { accessKey: 'A', secretKey: 'S', region: 'us-east-1' },
  }
  return { seen, where }
}

async function until(isSo: () => boolean): Promise<boolean> {
  for (let i = 0; i < 200 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
  return isSo()
}

t.test('a slow reader leaves most of a large body where it is, and is gone when it is healed', async (t) => {
  const bodyBytes = 64 * 1024 * 1024
  const { seen, where } = await server(t, bodyBytes)
  const fault = slowReaders(where, 1, ['/b/k'])
  await fault.apply()
  t.ok(seen.sent < bodyBytes / 2, `${seen.sent} bytes were taken`)
  t.match(await fault.heal(), { count: 1, evidence: /still reading/ })
  t.ok(await until(() => seen.open === 0))
})

t.test('one who got the whole body was no slow reader: the fault touched nothing', async (t) => {
  const { seen, where } = await server(t, 0)
  const fault = slowReaders(where, 2, ['/b/k'])
  await fault.apply()
  t.equal(seen.requests, 2)
  t.match(await fault.heal(), { count: 0 })
})

t.test('slow requests never become one while they last; slow uploads send some of a body', async (t) => {
  const { seen, where } = await server(t, 10)
  const requests = slowRequests(where, 2, ['/b/k'])
  await requests.apply()
  t.equal(seen.requests, 0)
  t.match(await requests.heal(), { count: 2 })
  const uploads = slowUploads(where, 2, ['/b/u'])
  await uploads.apply()
  t.ok(await until(() => seen.requests === 2 && seen.uploaded > 0))
  t.ok(seen.uploaded < 10_000, `${seen.uploaded} bytes`)
  t.match(await uploads.heal(), { count: 2 })
  t.ok(await until(() => seen.open === 0))
})

t.test('where nobody listens nobody was let in', async (t) => {
  const { where } = await server(t, 10)
  const fault = slowUploads({ ...where, entry: { url: 'http://127.0.0.1:1' } }, 2, ['/b/u'])
  await fault.apply()
  t.match(await fault.heal(), { count: 0 })
})
