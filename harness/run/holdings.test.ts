import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import type { SystemPart } from '../systems/part.ts'
import { diskBytes, holdingsOf, readMetric } from './holdings.ts'

t.test('what a folder occupies is counted in whole blocks, below it too', async (t) => {
  const dir = t.testdir({ a: 'x'.repeat(5000), deep: { b: 'y' } })
  const bytes = await diskBytes(dir)
  t.ok(bytes >= 8192 && bytes % 512 === 0, `${bytes}`)
  mkdirSync(path.join(dir, 'more'))
  writeFileSync(path.join(dir, 'more', 'c'), Buffer.alloc(100_000, 1))
  t.ok((await diskBytes(dir)) >= bytes + 100_000)
  t.equal(await diskBytes(path.join(dir, 'nowhere')), 0)
})

t.test('a metric is read from a page, its series added up; what is not there is not known', async (t) => {
  const page = '# TYPE used gauge\nused{disk="a"} 5\nused{disk="b"} 7e3\nused_total 1\nother 3\n'
  const server = http.createServer((_, answer) => answer.end(page)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`
  t.equal(await readMetric(url, 'used'), 7005)
  t.equal(await readMetric(url, 'use'), undefined)
  t.equal(await readMetric('http://127.0.0.1:1/metrics', 'used'), undefined)
})

const noProc = process.platform !== 'linux' && 'no /proc'

t.test('connections count until this side closes them', { skip: noProc }, async (t) => {
  const accepted: net.Socket[] = []
  const server = net.createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => server.close())
  const usage = () => ({ cpuSeconds: 0, rssBytes: 7, maxRssBytes: 7 })
  const part = { name: 'router', running: true, description: {}, usage, fill: () => String(port) }
  const holding = async () => (await holdingsOf([part as unknown as SystemPart], false))[0]!
  t.strictSame(await holding(), { part: 'router', rssBytes: 7, connections: 0 })
  const clients = [0, 1, 2].map(() => net.connect(port, '127.0.0.1'))
  t.teardown(() => {
    for (const client of clients) client.destroy()
  })
  await Promise.all(clients.map((client) => once(client, 'connect')))
  t.equal((await holding()).connections, 3)
  clients[0]!.end()
  await t.resolves(until(async () => accepted.some((socket) => socket.readyState !== 'open')))
  t.equal((await holding()).connections, 3, 'closed by the client alone')
  for (const socket of accepted) socket.destroy()
  t.ok(await until(async () => (await holding()).connections === 0))
})

async function until(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 200; i++) {
    if (await isSo()) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}
