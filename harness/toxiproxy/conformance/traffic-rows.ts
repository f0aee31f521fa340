// What Toxiproxy 2.12 does to connections and the bytes on them, one row each. Times have lower bounds only: nothing
// may come early, and how late it comes is the accuracy table's business.
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type t from 'tap'
import {
  addressOf,
  api,
  type Client,
  client,
  echo,
  send,
  type Target,
  type Upstream,
  upstream,
} from './world.ts'

export interface TrafficRow {
  readonly name: string
  /** Why a real Toxiproxy fails it: a defect of theirs that ours doesn't have. */
  readonly onlyEmbedded?: string
  run(world: World): Promise<void>
}

/** A fresh proxy in front of an echo server, for each row. */
export interface World {
  readonly t: Pick<typeof t, 'ok' | 'equal' | 'not' | 'same' | 'match'>
  readonly target: Target
  readonly echo: Upstream
  /** Creates proxy `name` and answers its address. */
  proxy(upstream: string, name?: string): Promise<string>
  client(address: string): Promise<Client>
  /** Adds a toxic to proxy `a`. */
  toxic(type: string, attributes: object, more?: object): Promise<void>
  update(toxic: string, change: object): Promise<void>
  remove(toxic: string): Promise<void>
}

/** Runs one row in a world that is closed whatever happens. */
export async function inWorld(tap: World['t'], target: Target, row: TrafficRow): Promise<void> {
  const server = await echo()
  const clients: Client[] = []
  const world: World = {
    t: tap,
    target,
    echo: server,
    proxy: async (to, name = 'a') =>
      (await api(target, 'POST', '/proxies', JSON.stringify({ name, listen: '127.0.0.1:0', upstream: to })))
        .listen,
    client: async (address) => {
      clients.push(await client(address))
      return clients.at(-1)!
    },
    toxic: (type, attributes, more) =>
      api(target, 'POST', '/proxies/a/toxics', JSON.stringify({ type, name: type, attributes, ...more })),
    update: (name, change) => api(target, 'PATCH', `/proxies/a/toxics/${name}`, JSON.stringify(change)),
    remove: (name) => api(target, 'DELETE', `/proxies/a/toxics/${name}`),
  }
  try {
    await row.run(world)
  } finally {
    for (const { socket } of clients) socket.destroy()
    await server.close()
  }
}

/** Bytes that tell where in the stream they stood. */
export function patterned(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at)
  return bytes
}

/** How connecting ends: 'connected' or an error code. */
async function connectOutcome(world: World, address: string): Promise<string> {
  try {
    await world.client(address)
    return 'connected'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** Sends one byte and waits for it to come back; in ms. */
async function roundTrip({ socket, received, receive }: Client): Promise<number> {
  const before = received().length
  const startMs = performance.now()
  socket.write('x')
  await receive(before + 1)
  return performance.now() - startMs
}

/** Resolves once something has arrived beyond `before` bytes, and then nothing for a while. */
async function quiet(clients: readonly Client[], before: number): Promise<void> {
  const total = () => clients.reduce((sum, { received }) => sum + received().length, 0)
  for (let last = before; last === before || last !== total(); ) {
    last = total()
    await sleep(400)
  }
}

const proxyLife: readonly TrafficRow[] = [
  {
    name: 'a message goes there and comes back, in two parts',
    async run(world) {
      const { socket, receive } = await world.client(await world.proxy(world.echo.address))
      socket.write('hello ')
      await receive(6)
      socket.write('world')
      world.t.equal(String(await receive(11)), 'hello world')
    },
  },
  {
    name: 'a megabyte comes back as it went',
    async run(world) {
      const { socket, receive } = await world.client(await world.proxy(world.echo.address))
      const bytes = patterned(2 ** 20)
      socket.write(bytes)
      world.t.ok((await receive(bytes.length)).equals(bytes))
    },
  },
  {
    name: 'with its upstream down a proxy accepts, then closes',
    async run(world) {
      const { ended } = await world.client(await world.proxy('127.0.0.1:1'))
      world.t.equal(await ended, 'FIN')
    },
  },
  {
    name: 'disabled it refuses, and closes the connections it had; enabled it accepts again at the same place',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      const before = await world.client(address)
      await roundTrip(before)
      await api(world.target, 'PATCH', '/proxies/a', '{"enabled":false}')
      world.t.equal(await before.ended, 'FIN')
      world.t.equal(await connectOutcome(world, address), 'ECONNREFUSED')
      await api(world.target, 'PATCH', '/proxies/a', '{"enabled":false}')
      await api(world.target, 'PATCH', '/proxies/a', '{"enabled":true}')
      await roundTrip(await world.client(address))
    },
  },
  {
    name: 'deleted it refuses, and closes the connections it had',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      const before = await world.client(address)
      await roundTrip(before)
      await api(world.target, 'DELETE', '/proxies/a')
      world.t.equal(await before.ended, 'FIN')
      world.t.equal(await connectOutcome(world, address), 'ECONNREFUSED')
    },
  },
  {
    name: 'moved it is at the new place alone, without its connections',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      const before = await world.client(address)
      await roundTrip(before)
      const { listen } = await api(world.target, 'PATCH', '/proxies/a', '{"listen":"127.0.0.1:0"}')
      world.t.equal(await before.ended, 'FIN')
      world.t.equal(await connectOutcome(world, address), 'ECONNREFUSED')
      await roundTrip(await world.client(listen))
    },
  },
  {
    name: 'a move that fails leaves it stopped at the new address, and it can move again',
    async run(world) {
      await world.proxy(world.echo.address)
      const occupant = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => occupant.once('listening', resolve))
      const listen = addressOf(occupant)
      const answer = await send(world.target, ['PATCH', '/proxies/a', JSON.stringify({ listen })])
      world.t.equal(answer.status, 500)
      world.t.match(await api(world.target, 'GET', '/proxies/a'), { enabled: false, listen })
      occupant.close()
      world.t.match(await api(world.target, 'PATCH', '/proxies/a', '{"enabled":true}'), {
        enabled: true,
        listen,
      })
    },
  },
  {
    name: 'an update to the same place by another name keeps the connections',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      const kept = await world.client(address)
      await roundTrip(kept)
      const listen = address.replace('127.0.0.1', 'localhost')
      await api(world.target, 'PATCH', '/proxies/a', JSON.stringify({ listen }))
      await roundTrip(kept)
    },
  },
  {
    name: 'populating with what is there already keeps it, toxics and connections, and ignores a changed `enabled`',
    async run(world) {
      const listen = await world.proxy(world.echo.address)
      const kept = await world.client(listen)
      await world.toxic('noop', {})
      const entry = { name: 'a', listen, upstream: world.echo.address, enabled: false }
      const { proxies } = await api(world.target, 'POST', '/populate', JSON.stringify([entry]))
      world.t.match(proxies, [{ listen, enabled: true, toxics: [{ name: 'noop' }] }])
      await roundTrip(kept)
    },
  },
  {
    name: 'populating with another upstream replaces the proxy and its toxics',
    async run(world) {
      const listen = await world.proxy('127.0.0.1:1')
      await world.toxic('noop', {})
      const entry = { name: 'a', listen, upstream: world.echo.address }
      const { proxies } = await api(world.target, 'POST', '/populate', JSON.stringify([entry]))
      world.t.same(proxies[0].toxics, [])
      await roundTrip(await world.client(listen))
    },
  },
  {
    name: 'populating with port 0 moves the port each time',
    async run(world) {
      const entry = JSON.stringify([{ name: 'a', listen: '127.0.0.1:0', upstream: world.echo.address }])
      const first = (await api(world.target, 'POST', '/populate', entry)).proxies[0].listen
      const second = (await api(world.target, 'POST', '/populate', entry)).proxies[0].listen
      world.t.not(first, second)
    },
  },
  {
    name: 'there are no half-closed connections: the end of one direction ends the other',
    async run(world) {
      const silent = await upstream()
      const { socket, ended } = await world.client(await world.proxy(silent.address))
      socket.end('bye')
      world.t.equal(await ended, 'FIN')
      await silent.close()
    },
  },
  {
    name: 'a connection outlives two resets of the server',
    async run(world) {
      const kept = await world.client(await world.proxy(world.echo.address))
      await world.toxic('latency', { latency: 1 })
      await roundTrip(kept)
      await api(world.target, 'POST', '/reset')
      await api(world.target, 'POST', '/reset')
      await roundTrip(kept)
    },
  },
]

const timing: readonly TrafficRow[] = [
  ...(['upstream', 'downstream'] as const).map((stream) => ({
    name: `latency ${stream} delays the data`,
    async run(world: World) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('latency', { latency: 80 }, { stream })
      world.t.ok((await roundTrip(one)) >= 79)
      await world.remove('latency')
      await roundTrip(one)
    },
  })),
  {
    name: 'latencies in both directions and two in one direction add up',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('latency', { latency: 40 }, { name: 'up', stream: 'upstream' })
      await world.toxic('latency', { latency: 40 }, { name: 'down' })
      await world.toxic('latency', { latency: 40 }, { name: 'down again' })
      world.t.ok((await roundTrip(one)) >= 118)
    },
  },
  {
    name: 'removing a latency sends what it held at once',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('latency', { latency: 3_600_000 })
      one.socket.write('hello')
      await sleep(50)
      world.t.equal(one.received().length, 0)
      await world.remove('latency')
      world.t.equal(String(await one.receive(5)), 'hello')
    },
  },
  {
    name: 'bandwidth takes its time and loses nothing',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('bandwidth', { rate: 1000 })
      const bytes = patterned(480_000)
      const startMs = performance.now()
      one.socket.write(bytes)
      world.t.ok((await one.receive(bytes.length)).equals(bytes))
      world.t.ok(performance.now() - startMs >= 475)
    },
  },
  {
    name: 'bandwidth 0 stalls without loss, and its removal lets everything go',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('bandwidth', { rate: 0 })
      const bytes = patterned(1_000_000)
      one.socket.write(bytes)
      await sleep(150)
      world.t.equal(one.received().length, 0)
      await world.remove('bandwidth')
      world.t.ok((await one.receive(bytes.length)).equals(bytes))
    },
  },
  {
    name: 'slow_close delays the close alone',
    async run(world) {
      const server = await upstream((socket) => socket.end('bye'))
      const address = await world.proxy(server.address)
      await world.toxic('slow_close', { delay: 150 })
      const startMs = performance.now()
      const { receive, ended } = await world.client(address)
      await receive(3)
      world.t.equal(await ended, 'FIN')
      world.t.ok(performance.now() - startMs >= 149)
      await server.close()
    },
  },
]

const closing: readonly TrafficRow[] = [
  {
    name: 'timeout drops the data and closes when nothing has come for so long',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await roundTrip(one)
      await world.toxic('timeout', { timeout: 300 })
      const startMs = performance.now()
      one.socket.write('lost')
      world.t.equal(await one.ended, 'FIN')
      world.t.equal(one.received().length, 1)
      world.t.ok(performance.now() - startMs >= 299)
    },
  },
  {
    name: 'timeout starts anew with every chunk',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('timeout', { timeout: 300 }, { stream: 'upstream' })
      const startMs = performance.now()
      for (let at = 0; at < 4; at++) {
        one.socket.write('x')
        await sleep(100)
      }
      await one.ended
      world.t.ok(performance.now() - startMs >= 590)
    },
  },
  {
    name: 'timeout 0 drops the data and never closes; its removal closes',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('timeout', { timeout: 0 })
      one.socket.write('lost')
      world.t.equal(await Promise.race([one.ended, sleep(150, 'open')]), 'open')
      await world.remove('timeout')
      world.t.match(await one.ended, /FIN|ECONNRESET/)
      world.t.equal(one.received().length, 0)
    },
  },
  {
    name: 'removing a timeout closes the connections its toxicity had spared, too',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('timeout', { timeout: 0 }, { toxicity: 0 })
      await roundTrip(one)
      await world.remove('timeout')
      world.t.match(await one.ended, /FIN|ECONNRESET/)
    },
  },
  ...(['upstream', 'downstream'] as const).map((stream) => ({
    name: `reset_peer ${stream} resets on the first data, after its timeout`,
    async run(world: World) {
      const address = await world.proxy(world.echo.address)
      await world.toxic('reset_peer', { timeout: 100 }, { stream })
      const one = await world.client(address)
      const startMs = performance.now()
      one.socket.write('lost')
      world.t.equal(await one.ended, 'ECONNRESET')
      world.t.equal(one.received().length, 0)
      world.t.ok(performance.now() - startMs >= 99)
    },
  })),
  {
    name: 'reset_peer resets connections that are older than it, too',
    onlyEmbedded:
      'lingering is set when a connection starts; older ones get a FIN (Shopify/toxiproxy link.go)',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await roundTrip(one)
      await world.toxic('reset_peer', { timeout: 0 })
      one.socket.write('lost')
      world.t.equal(await one.ended, 'ECONNRESET')
    },
  },
  {
    name: 'reset_peer leaves the connections alone that its toxicity spares',
    onlyEmbedded: 'lingering is set whatever the toxicity (Shopify/toxiproxy#603)',
    async run(world) {
      const server = await upstream((socket) => socket.end('bye'))
      const address = await world.proxy(server.address)
      await world.toxic('reset_peer', { timeout: 0 }, { toxicity: 0 })
      const one = await world.client(address)
      world.t.equal(String(await one.receive(3)), 'bye')
      world.t.equal(await one.ended, 'FIN')
      await server.close()
    },
  },
  ...[
    [100, 0, 0],
    [100, 1, 1],
    [100, 99, 99],
    [100, 100, 100],
    [200_000, 150_000, 150_000],
  ].map(([sent, limit, expected]) => ({
    name: `limit_data ${limit} lets ${expected} of ${sent} bytes through, then closes`,
    async run(world: World) {
      const bytes = patterned(sent!)
      const server = await upstream((socket) => socket.write(bytes))
      const address = await world.proxy(server.address)
      await world.toxic('limit_data', { bytes: limit })
      const one = await world.client(address)
      world.t.match(await one.ended, /FIN|ECONNRESET/)
      world.t.ok(one.received().equals(bytes.subarray(0, expected)))
      await server.close()
    },
  })),
  {
    name: 'limit_data counts on when it is changed',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('limit_data', { bytes: 100 })
      one.socket.write(Buffer.alloc(60))
      await one.receive(60)
      await world.update('limit_data', { attributes: { bytes: 150 } })
      one.socket.write(Buffer.alloc(200))
      await one.ended
      world.t.equal(one.received().length, 150)
    },
  },
]

const churn: readonly TrafficRow[] = [
  {
    name: 'slicer changes no byte',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('slicer', { average_size: 700, size_variation: 300, delay: 10 })
      const bytes = patterned(50_000)
      one.socket.write(bytes)
      world.t.ok((await one.receive(bytes.length)).equals(bytes))
    },
  },
  {
    name: 'toxicity 0 spares a connection, until it is changed to 1',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('timeout', { timeout: 0 }, { toxicity: 0 })
      await roundTrip(one)
      await world.update('timeout', { toxicity: 1 })
      one.socket.write('lost')
      await sleep(100)
      world.t.equal(one.received().length, 1)
    },
  },
  {
    name: 'toxicity is drawn again when the next toxic is added or removed',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      await world.toxic('timeout', { timeout: 0 }, { toxicity: 0.5 })
      const clients = await Promise.all(Array.from({ length: 48 }, () => world.client(address)))
      const whoAnswers = async () => {
        const before = clients.map(({ received }) => received().length)
        for (const { socket } of clients) socket.write('x')
        await quiet(
          clients,
          before.reduce((sum, length) => sum + length, 0),
        )
        return clients.map(({ received }, index) => received().length > before[index]!).join()
      }
      const first = await whoAnswers()
      world.t.match(first, /true/)
      world.t.match(first, /false/)
      world.t.equal(await whoAnswers(), first, 'the same as long as nothing changes')
      await world.toxic('noop', {})
      const second = await whoAnswers()
      world.t.not(second, first)
      await world.remove('noop')
      world.t.not(await whoAnswers(), second)
    },
  },
  {
    name: 'a hundred echoes while a noop comes and goes',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      let busy = true
      const churning = (async () => {
        while (busy) {
          await world.toxic('noop', {})
          await world.remove('noop')
        }
      })()
      for (let at = 0; at < 100; at++) await roundTrip(one)
      busy = false
      await churning
      world.t.equal(one.received().length, 100)
    },
  },
  {
    name: 'four toxics come and go under traffic and no byte is lost',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      const bytes = patterned(4_000_000)
      one.socket.write(bytes)
      for (let at = 0; at < 15; at++) {
        await world.toxic('latency', { latency: 3, jitter: 2 })
        await world.toxic('bandwidth', { rate: 20_000 })
        await world.toxic('slicer', { average_size: 9000, size_variation: 1000, delay: 5 })
        await world.toxic('slow_close', { delay: 1 })
        await world.update('bandwidth', { attributes: { rate: 50_000 } })
        for (const toxic of ['latency', 'slicer', 'bandwidth', 'slow_close']) await world.remove(toxic)
      }
      world.t.ok((await one.receive(bytes.length)).equals(bytes))
    },
  },
  {
    name: 'a toxic is removed although the connection is broken',
    onlyEmbedded: 'removal waits for a receiver that is gone (Shopify/toxiproxy#558)',
    async run(world) {
      const one = await world.client(await world.proxy(world.echo.address))
      await world.toxic('latency', { latency: 100 })
      one.socket.write(patterned(100_000))
      await sleep(20)
      one.socket.resetAndDestroy()
      await world.remove('latency')
      world.t.same(await api(world.target, 'GET', '/proxies/a/toxics'), [])
    },
  },
  {
    name: 'a toxic is removed although the receiver reads nothing, and the API stays alive',
    onlyEmbedded:
      'removal waits for the receiver and holds the lock of the proxy meanwhile (Shopify/toxiproxy#558)',
    async run(world) {
      const flood = await upstream((socket) => socket.write(patterned(20_000_000)))
      const address = await world.proxy(flood.address)
      await world.toxic('bandwidth', { rate: 100_000 })
      const one = await world.client(address)
      one.socket.pause()
      await sleep(300)
      await world.remove('bandwidth')
      world.t.same((await api(world.target, 'GET', '/proxies')).a.toxics, [])
      one.socket.resume()
      world.t.ok((await one.receive(20_000_000)).equals(patterned(20_000_000)))
      await flood.close()
    },
  },
]

const metrics: readonly TrafficRow[] = [
  {
    name: 'bytes are counted by direction, listener, proxy and upstream',
    async run(world) {
      const address = await world.proxy(world.echo.address)
      const one = await world.client(address)
      one.socket.write(Buffer.alloc(1234))
      await one.receive(1234)
      one.socket.end()
      await one.ended
      const labels = (direction: string) =>
        `{direction="${direction}",listener="${address}",proxy="a",upstream="${world.echo.address}"} 1234`
      await sleep(50)
      const { body, headers } = await send(world.target, ['GET', '/metrics'])
      world.t.match(headers['content-type'], /^text\/plain; version=0\.0\.4; charset=utf-8/)
      for (const direction of ['upstream', 'downstream']) {
        for (const way of ['received', 'sent']) {
          world.t.ok(
            body.includes(`toxiproxy_proxy_${way}_bytes_total${labels(direction)}\n`),
            `${way} ${direction}`,
          )
        }
      }
    },
  },
]

export const trafficRows: Readonly<Record<string, readonly TrafficRow[]>> = {
  'the life of a proxy': proxyLife,
  timing,
  closing,
  churn,
  metrics,
}
