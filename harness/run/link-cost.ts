// What the tool itself costs: small round trips through a Toxiproxy link with no toxic on it, and past it, in turn.
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import type { LinkCostLine } from '../history/events.ts'
import { newHistogram, quantileMs, recordMs } from '../history/histogram.ts'
import type { Toxiproxy } from '../toxiproxy/control.ts'

const roundTrips = 200
const probeBytes = 512
const silentMs = 5000
const link = 'link-cost'

/** Takes about a fifth of a second; leaves nothing behind. `atMs` is the run's time. */
export async function measureLinkCost(
  toxiproxy: Pick<Toxiproxy, 'createLink' | 'removeLink'>,
  atMs: number,
): Promise<LinkCostLine> {
  const echoing = new Set<net.Socket>()
  const echo = net.createServer((socket) => {
    echoing.add(socket)
    socket
      .on('error', () => {})
      .setNoDelay(true)
      .pipe(socket)
  })
  await new Promise<void>((resolve, reject) => {
    echo.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = echo.address() as net.AddressInfo
  try {
    const through = await toxiproxy.createLink(link, `127.0.0.1:${port}`)
    return { type: 'link-cost', atMs, roundTrips, ...(await timesOf(port, Number(through.split(':')[1]))) }
  } finally {
    const closed = new Promise((resolve) => echo.close(resolve))
    await toxiproxy.removeLink(link).finally(() => {
      for (const socket of echoing) socket.destroy()
    })
    await closed
  }
}

async function timesOf(directPort: number, linkPort: number) {
  const sockets = { directMs: await connect(directPort), throughLinkMs: await connect(linkPort) }
  const times = { directMs: newHistogram(), throughLinkMs: newHistogram() }
  try {
    for (let i = 0; i < roundTrips; i += 1) {
      for (const way of ['directMs', 'throughLinkMs'] as const)
        recordMs(times[way], await roundTripMs(sockets[way]))
    }
  } finally {
    for (const socket of Object.values(sockets)) socket.destroy()
  }
  const quantiles = (way: keyof typeof times) => ({
    p50: quantileMs(times[way], 0.5)!,
    p99: quantileMs(times[way], 0.99)!,
  })
  return { directMs: quantiles('directMs'), throughLinkMs: quantiles('throughLinkMs') }
}

function connect(port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.on('error', reject)
    // Each wait for an echo ends with the connection.
    socket.setTimeout(silentMs, () => socket.destroy())
  })
}

function roundTripMs(socket: net.Socket): Promise<number> {
  const startMs = performance.now()
  let missing = probeBytes
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error('a link without toxics was cut, or silent'))
    if (socket.destroyed) return onClose()
    const onData = (chunk: Buffer) => {
      missing -= chunk.length
      if (missing > 0) return
      socket.off('data', onData).off('close', onClose)
      resolve(performance.now() - startMs)
    }
    socket.on('data', onData).once('close', onClose)
    socket.write(Buffer.alloc(probeBytes))
  })
}
