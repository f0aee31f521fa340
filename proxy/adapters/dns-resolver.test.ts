import t, { type Test } from 'tap'
import { startNameserver } from '../../harness/origins/nameserver.ts'
import { memoryLog } from '../testing/requests.ts'
import { VirtualClock } from '../testing/virtual-clock.ts'
import { createResolver } from './dns-resolver.ts'

const name = 's3.test'
const holdMs = 300_000
const first = { kind: 'addresses', addresses: ['10.0.0.1', '10.0.0.2'] } as const
const second = { kind: 'addresses', addresses: ['10.0.0.3'] } as const

/** A resolver on a virtual clock before a name server that knows one name. */
async function world(t: Test) {
  const nameserver = await startNameserver({ [name]: first.addresses })
  t.teardown(() => nameserver.stop())
  const clock = new VirtualClock()
  const log = memoryLog()
  const resolver = createResolver({ nameservers: [nameserver.address], holdMs }, clock, log)
  /** The answer once a refresh in the background, if there is one, is over. */
  const settled = async (wanted: readonly string[]) => {
    for (let i = 0; i < 400; i++) {
      const addresses = await resolver.resolve(name)
      if (String(addresses) === String(wanted)) return addresses
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return resolver.resolve(name)
  }
  return { nameserver, clock, log, resolver, settled }
}

t.test('an answer is held for its time, then the name is asked again', async (t) => {
  const { nameserver, clock, resolver, settled } = await world(t)
  t.strictSame(await resolver.resolve(name), first.addresses)
  const asked = nameserver.queriesFor(name)
  nameserver.setAnswer(name, second)
  await clock.advance(holdMs - 1)
  t.strictSame(await resolver.resolve(name), first.addresses, 'held')
  t.equal(nameserver.queriesFor(name), asked, 'nobody was asked')
  await clock.advance(1)
  t.strictSame(await resolver.resolve(name), first.addresses, 'nobody waits for the new answer')
  t.strictSame(await settled(second.addresses), second.addresses)
})

t.test(
  'DNS answers NXDOMAIN, SERVFAIL or nothing: the last good addresses are kept; the new ones are taken when it is back',
  async (t) => {
    for (const kind of ['nxdomain', 'servfail', 'silence'] as const) {
      const { nameserver, clock, log, resolver, settled } = await world(t)
      await resolver.resolve(name)
      nameserver.setAnswer(name, { kind })
      await clock.advance(holdMs)
      t.strictSame(await resolver.resolve(name), first.addresses, kind)
      while (log.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      t.match(log.lines[0], { level: 'warn', fields: { name } })
      t.strictSame(await resolver.resolve(name), first.addresses, `${kind}: also after the failure`)
      const asked = nameserver.queriesFor(name)
      await clock.advance(1000)
      await resolver.resolve(name)
      while (nameserver.queriesFor(name) === asked) await new Promise((resolve) => setTimeout(resolve, 5))
      t.equal(log.lines.length, 1, `${kind}: told of once`)
      nameserver.setAnswer(name, second)
      await clock.advance(1000)
      t.strictSame(await settled(second.addresses), second.addresses, `${kind}: over`)
    }
  },
)

t.test('a name that never had an address fails, and is asked anew each time', async (t) => {
  const { nameserver, resolver } = await world(t)
  const failure = { code: 'dns-failed', source: 'dns', retryable: true }
  await t.rejects(resolver.resolve('nobody.test'), failure)
  nameserver.setAnswer('nobody.test', second)
  t.strictSame(await resolver.resolve('nobody.test'), second.addresses)
})

t.test('requests at the same time share one question', async (t) => {
  const { nameserver, resolver } = await world(t)
  const answers = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve(name)))
  t.equal(new Set(answers.map(String)).size, 1)
  t.equal(nameserver.queriesFor(name), 2, 'one for IPv4, one for IPv6')
})

t.test('addresses and localhost need no DNS', async (t) => {
  const { nameserver, resolver } = await world(t)
  t.strictSame(await resolver.resolve('192.0.2.1'), ['192.0.2.1'])
  t.strictSame(await resolver.resolve('::1'), ['::1'])
  t.strictSame(await resolver.resolve('localhost'), ['127.0.0.1', '::1'])
  t.equal(nameserver.queriesFor('localhost'), 0)
})
