// A name with several addresses, on real sockets: 127.0.0.1 and 127.0.0.2 stand for two servers of one name.
import { createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { memoryLog } from '../testing/requests.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { AddressTable } from './address-table.ts'
import { createConnector } from './connector.ts'

const both = ['127.0.0.1', '127.0.0.2']

interface Endpoint {
  connections: number
  stop(): Promise<void>
  start(): Promise<void>
}

/** A server on `address`; the port is taken from `at`, or a free one. */
async function endpoint(t: Test, address: string, at: { port: number }): Promise<Endpoint> {
  const sockets = new Set<Socket>()
  let server: Server
  const self: Endpoint = {
    connections: 0,
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer((socket) => {
          self.connections++
          sockets.add(socket)
          socket.on('error', () => {})
        })
        server.once('error', reject)
        server.listen(at.port, address, () => {
          at.port = (server.address() as { port: number }).port
          resolve()
        })
      }),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
  await self.start()
  t.teardown(() => self.stop())
  return self
}

/** Both addresses on one port, and a connector to them. The clock is virtual: it moves only when a test says so. */
async function world(t: Test) {
  const at = { port: 0 }
  const endpoints = [await endpoint(t, both[0]!, at), await endpoint(t, both[1]!, at)] as const
  const clock = new VirtualClock()
  const log = memoryLog()
  const addresses = new AddressTable('s3', clock, log)
  const dns = { answer: both }
  const open = createConnector(
    { name: 's3', url: `http://s3.test:${at.port}`, ca: null, serverName: null, connectMs: 1000, addresses },
    { resolve: async () => dns.answer },
    clock,
  )
  const connect = async () => {
    const socket = await open()
    t.teardown(() => socket.destroy())
    return socket.remoteAddress
  }
  const stateOf = (address: string) => addresses.states().find((one) => one.address === address)
  return { endpoints, clock, log, addresses, dns, connect, stateOf }
}

t.test(
  'a dead address is skipped, address by address: new connections avoid it while another is up',
  async (t) => {
    const { endpoints, clock, log, connect, stateOf } = await world(t)
    t.equal(await connect(), both[0])
    await endpoints[0].stop()
    for (let i = 0; i < 3; i++) t.equal(await connect(), both[1])
    t.match(
      stateOf(both[0]!),
      { state: 'up', failures: 1 },
      'one failure is none in a row, but it is avoided',
    )
    await clock.advance(1000)
    t.equal(await connect(), both[1])
    await until(() => stateOf(both[0]!)?.state === 'down')
    t.match(stateOf(both[0]!), { failures: 2, lastError: 'connect-refused', sinceMs: 1000 })
    t.match(stateOf(both[1]!), { state: 'up', failures: 0, lastError: null })
    const fields = { server: 's3', address: both[0], because: 'connect-refused' }
    t.match(log.lines, [{ level: 'warn', message: 'address down', fields }])
  },
)

t.test('an address that is back is found by a probe, and takes connections again', async (t) => {
  const { endpoints, clock, log, connect, stateOf } = await world(t)
  await endpoints[0].stop()
  await connect()
  await clock.advance(1000)
  await connect()
  await until(() => stateOf(both[0]!)?.state === 'down')
  await endpoints[0].start()
  t.equal(await connect(), both[1], 'not before its time')
  await clock.advance(1000)
  t.equal(await connect(), both[1], 'nobody waits for the probe')
  await until(() => stateOf(both[0]!)?.state === 'up')
  t.equal(await connect(), both[0])
  t.match(log.lines.at(-1), { message: 'address up', fields: { address: both[0] } })
})

t.test(
  'all down: every address is tried for each connection, and the first that answers serves',
  async (t) => {
    const { endpoints, connect, stateOf } = await world(t)
    await Promise.all(endpoints.map((one) => one.stop()))
    for (let i = 0; i < 2; i++) await t.rejects(connect(), { code: 'connect-refused', retryable: true })
    for (const address of both) t.match(stateOf(address), { state: 'down', failures: 2 })
    await endpoints[1].start()
    t.equal(await connect(), both[1])
    t.match(stateOf(both[1]!), { state: 'up', failures: 0 })
  },
)

t.test(
  'the set of addresses changes: new connections only, and the address that stays keeps its state',
  async (t) => {
    const { endpoints, connect, dns, addresses } = await world(t)
    await endpoints[0].stop()
    await connect()
    dns.answer = ['127.0.0.3', both[0]!, both[1]!]
    t.equal(
      await connect(),
      both[1],
      'a new address is taken for up, and is tried; the one that failed is not',
    )
    t.match(addresses.states(), [
      { address: '127.0.0.3', failures: 1 },
      { address: both[0], failures: 1 },
      { address: both[1], failures: 0 },
    ])
    dns.answer = [both[1]!]
    t.equal(await connect(), both[1])
    t.equal(addresses.states().length, 1)
  },
)

/** Waits for what real sockets do. */
async function until(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
}
