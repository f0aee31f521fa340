// One suite for both: what Toxiproxy 2.12 does must hold for the embedded server and for a real one alike.
import { createServer } from 'node:net'
import t from 'tap'
import { type ApiRow, apiRows } from './conformance/api-rows.ts'
import { inWorld, type TrafficRow, trafficRows } from './conformance/traffic-rows.ts'
import {
  addressOf,
  deleteAll,
  openTarget,
  type Request,
  realProgram,
  send,
  type Target,
} from './conformance/world.ts'

const real = realProgram()

for (const [kind, choice] of [
  ['embedded', 'embedded'],
  ['real', real],
] as const) {
  const skip =
    choice === undefined
      ? 'no toxiproxy-server in .tools/bin or on PATH (see `npm run toxiproxy:install`)'
      : false
  t.test(`the ${kind} server`, { skip }, async (t) => {
    const target = await openTarget(choice!, t.testdir())
    t.teardown(() => target.stop())
    for (const [group, rows] of Object.entries(trafficRows)) {
      await t.test(group, (t) => trafficSuite(t, target, rows))
    }
    // Last, because of what its own last rows leave behind.
    await t.test('answers as the API does', (t) => apiSuite(t, target))
  })
}

type Tap = Parameters<Parameters<typeof t.test>[0]>[0]

async function apiSuite(t: Tap, target: Target): Promise<void> {
  const occupant = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => occupant.once('listening', resolve))
  t.teardown(() => occupant.close())
  const busy = addressOf(occupant)
  for (const [group, rows] of Object.entries(apiRows)) {
    for (const row of rows) {
      await t.test(`${group}: ${row.name}`, (t) => checkRow(t, target, row, busy))
      await deleteAll(target)
    }
  }
}

async function trafficSuite(t: Tap, target: Target, rows: readonly TrafficRow[]): Promise<void> {
  for (const row of rows) {
    const skip = target.kind === 'real' && row.onlyEmbedded ? row.onlyEmbedded : false
    await t.test(row.name, { skip }, (t) => inWorld(t, target, row))
    await deleteAll(target)
  }
}

async function checkRow(t: Tap, target: Target, row: ApiRow, busy: string): Promise<void> {
  const fill = (text?: string) => text?.replaceAll('{busy}', busy)
  const filled = ([method, path, body]: Request): Request => [method, path, fill(body)]
  for (const request of row.given ?? []) {
    const { status, body } = await send(target, filled(request))
    if (status >= 300) t.fail(`given ${request.join(' ')}: ${status} ${body}`)
  }
  const answer = await send(target, filled(row.request), row.headers)
  const body = answer.body.replaceAll(busy, '{busy}').replace(/(127\.0\.0\.1|\[::\]):[1-9]\d{2,}/g, '$1:PORT')
  t.equal(answer.status, row.status, 'status')
  if (typeof row.body === 'string') t.equal(body, row.body, 'body')
  else if (row.body !== undefined) t.match(body, row.body, 'body')
  if (row.type !== undefined) t.equal(answer.headers['content-type'], row.type, 'content type')
  const isRouted = ![301, 405].includes(row.status) && !unrouted.includes(answer.body)
  t.equal('x-toxiproxy-request-id' in answer.headers, isRouted, 'a request id on routed requests alone')
  if (row.type === plain) t.equal(answer.headers['x-content-type-options'], 'nosniff')
}

const plain = 'text/plain; charset=utf-8'
const unrouted = ['404 page not found\n', '400 Bad Request']
