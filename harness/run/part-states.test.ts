import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { askPart } from './part-states.ts'

/** A part whose page says `text`; null: it takes the request and never answers. */
async function partSaying(t: Test, kind: 'state' | 'haproxy_csv', text: string | null) {
  const server = createServer((_, response) => {
    if (text !== null) response.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const observe = kind === 'state' ? { state: '{page}' } : { haproxy_csv: '{page}' }
  return { ...partWithout(), description: { observe }, fill: () => url }
}

const partWithout = () => ({ name: 'one', description: {}, fill: (text: string) => text })

t.test('our router: backends, and what is under way to each', async (t) => {
  const s3 = { name: 's3', state: 'down', because: 'probe', downtimeMs: 12, inFlight: 3, queued: 1, url: 'x' }
  t.same(await askPart(await partSaying(t, 'state', JSON.stringify({ name: 'r', backends: [s3] }))), {
    part: 'one',
    backends: [{ name: 's3', state: 'down', because: 'probe', downtimeMs: 12 }],
    breakers: [],
    loads: [{ name: 's3', inFlight: 3, waiting: 1 }],
    store: null,
  })
})

t.test('our cache: breakers, what is under way to S3, the store', async (t) => {
  const breaker = { kind: 'open', because: 'dead', untilMs: 1 }
  const state = {
    store: { usedBytes: 10, entries: 2, evictions: 5, maxBytes: 99 },
    origins: [{ name: 's3', breaker, turns: { inFlight: 4, waiting: 0, limit: null } }],
  }
  t.same(await askPart(await partSaying(t, 'state', JSON.stringify(state))), {
    part: 'one',
    backends: [],
    breakers: [{ origin: 's3', state: 'open', because: 'dead' }],
    loads: [{ name: 's3', inFlight: 4, waiting: 0 }],
    store: { usedBytes: 10, entries: 2, evictions: 5 },
  })
})

t.test('HAProxy: servers alone, with their sessions and queues', async (t) => {
  const csv = [
    '# pxname,svname,qcur,scur,status,check_status,last_chk,downtime,',
    's3,FRONTEND,,7,OPEN,,,,',
    's3,cache,2,5,UP 1/2,L4OK,,3,',
    's3,s3,,0,DOWN,L4TOUT,,,',
    's3,BACKEND,0,5,UP,,,,',
  ].join('\n')
  const told = await askPart(await partSaying(t, 'haproxy_csv', csv))
  t.same(told?.backends, [
    { name: 'cache', state: 'up', because: 'L4OK', downtimeMs: 3000 },
    { name: 's3', state: 'down', because: 'L4TOUT', downtimeMs: 0 },
  ])
  t.same(told?.loads, [{ name: 'cache', inFlight: 5, waiting: 2 }], 'a queue that is not told is not 0')
})

t.test('who has no page, or does not answer, says nothing; who talks nonsense is an error', async (t) => {
  t.equal(await askPart(partWithout()), null)
  t.equal(await askPart(await partSaying(t, 'state', null)), null)
  await t.rejects(askPart(await partSaying(t, 'state', 'not JSON')))
})
