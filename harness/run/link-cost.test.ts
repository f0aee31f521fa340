import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { openToxiproxy } from '../toxiproxy/find.ts'
import { measureLinkCost } from './link-cost.ts'

t.test('both ways are measured, and the link is gone afterwards', async (t) => {
  const toxiproxy = await openToxiproxy('embedded', { seed: 1, logDir: t.testdir() })
  t.teardown(() => toxiproxy.stop())
  const { roundTrips, directMs, throughLinkMs } = await measureLinkCost(toxiproxy, 7)
  t.equal(roundTrips, 200)
  t.ok(directMs.p50 > 0 && directMs.p99 >= directMs.p50)
  t.ok(throughLinkMs.p50 > 0 && throughLinkMs.p99 >= throughLinkMs.p50)
  t.equal((await toxiproxy.bytesByLink()).size, 0)
})

t.test('a link that is cut is an error, and is removed all the same', async (t) => {
  const removed: string[] = []
  const refusing = {
    createLink: () => Promise.reject(new Error('no ports left')),
    removeLink: async (link: string) => void removed.push(link),
  }
  await t.rejects(measureLinkCost(refusing, 0), /no ports left/)
  t.strictSame(removed, ['link-cost'])
})

t.test('a link on which nothing comes back is an error, no wait without end', async (t) => {
  const deaf = createServer((socket) => socket.on('error', () => {}).end()).listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  t.teardown(() => deaf.close())
  const { port } = deaf.address() as AddressInfo
  const cutting = { createLink: async () => `127.0.0.1:${port}`, removeLink: async () => {} }
  await t.rejects(measureLinkCost(cutting, 0), /a link without toxics was cut, or silent/)
})
