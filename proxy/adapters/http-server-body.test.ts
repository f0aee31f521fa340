import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { memoryLog } from '../testing/requests.ts'
import { startHttpServer } from './http-server.ts'
import { nodeClock } from './node-clock.ts'

const bodyBytes = 12_000
const text = (mark: string) => mark.repeat(bodyBytes)

/** The bodies of so many answers, read once the others have been served. */
async function bodiesFrom(
  port: number,
  mark: string,
  count: number,
  begun: Promise<unknown>,
): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  const request = `GET /${mark} HTTP/1.1\r\nHost: s3.test\r\n\r\n`
  socket.write(
    `${request.repeat(count - 1)}GET /${mark} HTTP/1.1\r\nHost: s3.test\r\nConnection: close\r\n\r\n`,
  )
  await once(socket, 'connect')
  await begun
  let answers = ''
  for await (const piece of socket.setEncoding('latin1')) answers += piece
  return answers.replaceAll(/HTTP\/1\.1 200[\s\S]*?\r\n\r\n/g, '')
}

t.test(
  'a client that does not read gets its own small bodies, whatever others were sent meanwhile',
  async (t) => {
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      clock: nodeClock,
      log: memoryLog(),
      handler: ({ target }) => ({ status: 200, headers: [], body: Buffer.from(text(target[1]!)) }),
    })
    t.teardown(() => server.close())
    // More than the system's buffers hold, so that an answer is left half-taken.
    const count = 2000
    const others = new Promise((resolve) => setTimeout(resolve, 300)).then(() =>
      bodiesFrom(server.port, 'b', 50, Promise.resolve()),
    )
    const slow = await bodiesFrom(server.port, 'a', count, others)
    t.equal(await others, text('b').repeat(50))
    t.ok(slow === text('a').repeat(count), 'not one byte of another answer')
  },
)
