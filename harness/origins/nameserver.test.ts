import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import * as dns from 'dns-packet'
import t from 'tap'
import { type NameAnswer, startNameserver } from './nameserver.ts'

const name = 's3.breakwater.test'

function resolverFor(address: string): Resolver {
  const resolver = new Resolver({ timeout: 100, tries: 1 })
  resolver.setServers([address])
  return resolver
}

t.test('each answer is what a resolver makes of it, and queries are counted', async (t) => {
  const server = await startNameserver({ [name]: ['127.0.0.1', '127.0.0.2'] })
  t.teardown(() => server.stop())
  const ask = (asked = name) =>
    resolverFor(server.address)
      .resolve4(asked)
      .catch((error: NodeJS.ErrnoException) => error.code)

  t.same(await ask(), ['127.0.0.1', '127.0.0.2'])
  t.same(await ask('S3.Breakwater.TEST'), ['127.0.0.1', '127.0.0.2'], 'names have no case')
  t.equal(await ask('other.test'), 'ENOTFOUND', 'names nobody set do not exist')
  const table: [NameAnswer, unknown][] = [
    [{ kind: 'addresses', addresses: ['127.0.0.9'] }, ['127.0.0.9']],
    [{ kind: 'nxdomain' }, 'ENOTFOUND'],
    [{ kind: 'servfail' }, 'ESERVFAIL'],
    [{ kind: 'silence' }, 'ETIMEOUT'],
    [{ kind: 'addresses', addresses: ['127.0.0.1'] }, ['127.0.0.1']],
  ]
  for (const [answer, seen] of table) {
    const before = server.answered(name, answer)
    server.setAnswer(name, answer)
    t.same(server.answerOf(name), answer)
    t.same(await ask(), seen, answer.kind)
    t.ok(server.answered(name, answer) > before, `${answer.kind} was asked for`)
  }
  t.equal(
    await resolverFor(server.address)
      .resolve6(name)
      .catch((e) => e.code),
    'ENODATA',
    'IPv4 only',
  )
})

t.test('the same answers come over TCP, several on one connection, in pieces', async (t) => {
  const server = await startNameserver({ [name]: ['127.0.0.1'] })
  t.teardown(() => server.stop())
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  t.teardown(() => socket.destroy())
  const question = (id: number) => dns.streamEncode({ type: 'query', id, questions: [{ type: 'A', name }] })
  const two = Buffer.concat([question(1), question(2)])
  socket.setNoDelay(true)
  socket.write(two.subarray(0, 7))
  await once(socket, 'connect')
  socket.write(two.subarray(7))
  let bytes = Buffer.alloc(0)
  while (bytes.length < 4 || server.queriesFor(name) < 2 || bytes.length < 2 * (2 + bytes.readUInt16BE(0))) {
    bytes = Buffer.concat([bytes, (await once(socket, 'data'))[0] as Buffer])
  }
  const first = dns.streamDecode(bytes)
  const second = dns.streamDecode(bytes.subarray(2 + bytes.readUInt16BE(0)))
  t.match(
    [first, second],
    [
      { id: 1, answers: [{ data: '127.0.0.1' }] },
      { id: 2, answers: [{ data: '127.0.0.1' }] },
    ],
  )
})

t.test('what is no DNS message is ignored', async (t) => {
  const server = await startNameserver({ [name]: ['127.0.0.1'] })
  t.teardown(() => server.stop())
  const { createSocket } = await import('node:dgram')
  const udp = createSocket('udp4')
  udp.send(Buffer.from([1, 2, 3]), Number(server.address.split(':')[1]), '127.0.0.1')
  t.same(await resolverFor(server.address).resolve4(name), ['127.0.0.1'])
  udp.close()
})

t.test('a client that keeps its connection does not keep the server', async (t) => {
  const server = await startNameserver({})
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  await Promise.all([server.stop(), once(socket.resume(), 'close')])
  t.pass('both are gone')
})
