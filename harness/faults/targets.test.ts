import t from 'tap'
import type { Deployment } from '../run/deployment.ts'
import type { Part } from '../systems/part.ts'
import { killed, stopped } from './processes.ts'
import { faultTargets } from './targets.ts'

/** A router before two caches, all of which only note what is done to them. */
function paperDeployment(did: string[]): Deployment {
  const part = (name: string, role: string) => {
    const state = { running: true }
    return {
      name,
      dir: `/${name}`,
      description: { role, files: {} },
      pid: null,
      get running() {
        return state.running
      },
      async kill() {
        state.running = false
        did.push(`${name} killed`)
      },
      freeze: () => did.push(`${name} frozen`),
      thaw: () => did.push(`${name} thawed`),
      async restart(how: string) {
        state.running = true
        did.push(`${name} started ${how}`)
      },
    } as unknown as Part
  }
  const toxiproxy = {
    setEnabled: async (link: string, isOpen: boolean) => {
      did.push(`${link} ${isOpen ? 'opened' : 'closed'}`)
    },
  }
  const parts = [part('one', 'cache'), part('two', 'cache'), part('router', 'router'), part('tls', 'helper')]
  const linksTo = new Map([
    ['one', ['router-one']],
    ['two', ['router-two']],
  ])
  return { parts, toxiproxy, linksTo, originLinks: [] } as unknown as Deployment
}

const witness = { failuresSince: () => 0, nowMs: () => 0 }

t.test(
  'nobody can connect to a dead node: its links are closed, and opened once it runs again',
  async (t) => {
    const did: string[] = []
    const { caches } = faultTargets(paperDeployment(did), witness, 1)
    t.strictSame(
      caches.map(({ name }) => name),
      ['one', 'two'],
      'only caches',
    )
    const fault = killed(caches[1]!, 'cold')
    await fault.apply()
    t.strictSame(did.toSorted(), ['router-two closed', 'two killed'])
    t.match(await fault.heal(), { count: 1 })
    t.strictSame(did.slice(2), ['two started cold', 'router-two opened'])
  },
)

t.test('a stopped node still takes connections: its links stay as they are', async (t) => {
  const did: string[] = []
  const { caches } = faultTargets(paperDeployment(did), witness, 1)
  const fault = stopped(caches[0]!)
  await fault.apply()
  t.strictSame(did, ['one frozen'])
})
