import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type ClientTarget, exercise, expectedObservations, missingClient } from './clients.ts'
import { commandLineClients } from './clients-cli.ts'
import { awsSdk } from './clients-sdk.ts'
import { originRegion } from './handle.ts'
import { startOrigin } from './start.ts'

// Programs that take a second to start do a dozen things each.
t.setTimeout(110_000)

t.test('real clients do all they do against the origin itself', { timeout: 100_000 }, async (t) => {
  const dir = t.testdir({ data: { a: 'a', b: 'b' }, origin: {} })
  const origin = await startOrigin({ kind: 's3rver', dir: `${dir}/origin`, dataset: `${dir}/data`, seed: 1 })
  t.teardown(() => origin.stop())
  const target: ClientTarget = {
    ...origin,
    scheme: 'https',
    address: origin.tlsAddress,
    region: originRegion,
  }
  for (const kind of [awsSdk, ...commandLineClients]) {
    await t.test(kind.name, { skip: missingClient(kind), timeout: 200_000 }, async (t) => {
      const scratch = join(dir, kind.command ?? 'sdk')
      mkdirSync(scratch)
      const client = await kind.bind(target, scratch)
      t.teardown(() => client.close())
      const prefix = `clients/${kind.command ?? 'sdk'}/`
      t.same(await exercise(client, prefix, scratch), expectedObservations(client, prefix))
    })
  }
})
