// Finds free loopback ports for programs that must be told theirs beforehand.
import { once } from 'node:events'
import net from 'node:net'

/**
 * Below the range from which systems deal ports by themselves (32768 and up on Linux), so that nobody who asks for any
 * port gets one of these before its program listens.
 */
const lowest = 16_000
const highest = 32_000

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  await new Promise((resolve) => server.close(resolve))
  return true
}
