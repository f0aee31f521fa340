// TCP load for the Toxiproxy benchmarks: servers in a process of their own, and clients that count what arrives
// with as little work of their own as possible.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** Addresses of servers: one sends back what it gets, one sends for as long as somebody reads, one as many bytes as asked for. */
export interface LoadServers {
  readonly echo: string
  readonly flood: string
  readonly sized: string
  stop(): void
}

/** Starts the servers; they end with this process. */
export async function startLoadServers(): Promise<LoadServers> {
  const child = fork(fileURLToPath(import.meta.url), ['serve'])
  const [addresses] = (await once(child, 'message')) as [Omit<LoadServers, 'stop'>]
  return { ...addresses, stop: () => void child.kill() }
}

const block = Buffer.alloc(256 * 1024, 'breakwater')

function flood(socket: Socket): void {
  const send = () => {
    while (socket.writable && socket.write(block));
  }
  socket.on('drain', send)
  send()
}

/** Sends the number of bytes that the first thing it reads says. */
function sized(socket: Socket): void {
  socket.once('data', (ask) => {
    let left = Number(ask)
    const send = () => {
      let more = true
      while (more && left > 0) {
        const part = block.subarray(0, Math.min(left, block.length))
        left -= part.length
        more = socket.write(part)
      }
    }
    socket.on('drain', send)
    send()
  })
}

async function serve(): Promise<void> {
  process.send!({
    echo: await listen((socket) => socket.pipe(socket)),
    flood: await listen(flood),
    sized: await listen(sized),
  })
  process.on('disconnect', () => process.exit())
}

async function listen(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A client that reads into one buffer; `onBytes` gets each read. */
export async function reader(address: string, onBytes: (bytes: number) => void): Promise<Socket> {
  const [host, port] = address.split(':')
  const buffer = Buffer.alloc(256 * 1024)
  const onread = {
    buffer,
    callback: (bytes: number) => {
      onBytes(bytes)
      return true
    },
  }
  const socket = connect({ host: host!, port: Number(port), noDelay: true, onread })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Bytes a second that arrive over so many connections, after a moment of warming up. */
export async function throughput(address: string, connections: number, seconds: number): Promise<number> {
  let bytes = 0
  const count = (more: number) => {
    bytes += more
  }
  const sockets = await Promise.all(Array.from({ length: connections }, () => reader(address, count)))
  await sleep(200)
  const startMs = performance.now()
  bytes = 0
  await sleep(seconds * 1000)
  const rate = bytes / ((performance.now() - startMs) / 1000)
  for (const socket of sockets) socket.destroy()
  return rate
}

/** Asks the sized server for so many bytes; ms until the last is here. */
export async function download(address: string, bytes: number): Promise<number> {
  let left = bytes
  let done = () => {}
  const finished = new Promise<void>((resolve) => {
    done = resolve
  })
  const socket = await reader(address, (count) => {
    left -= count
    if (left <= 0) done()
  })
  const startMs = performance.now()
  socket.write(String(bytes))
  await finished
  const tookMs = performance.now() - startMs
  socket.destroy()
  return tookMs
}

/** Round trips of one byte, one after the other, in ms. */
export async function roundTrips(address: string, count: number): Promise<number[]> {
  let arrived = () => {}
  const socket = await reader(address, () => arrived())
  const times: number[] = []
  for (let at = 0; at < count; at++) {
    const startMs = performance.now()
    const back = new Promise<void>((resolve) => {
      arrived = resolve
    })
    socket.write('x')
    await back
    times.push(performance.now() - startMs)
  }
  socket.destroy()
  return times
}

if (process.argv[2] === 'serve' && import.meta.main) await serve()
