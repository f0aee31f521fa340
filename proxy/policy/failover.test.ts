import fc from 'fast-check'
import t from 'tap'
import { type Candidate, nextServer, type Routable } from './failover.ts'

const states: Routable[] = ['up', 'down', 'drain', 'maint']

function servers(...list: string[]): Candidate[] {
  return list.map((text) => {
    const [name, routable] = text.split(':') as [string, Routable]
    return { name, routable, backup: name.startsWith('s3') }
  })
}

t.test('the first server that can serve is chosen, backups last', async (t) => {
  const cases: [string[], string[], string][] = [
    [['a:up', 'b:up', 's3:up'], [], 'a preferred'],
    [['a:down', 'b:up', 's3:up'], [], 'b preferred'],
    [['a:up', 's3:up'], ['a'], 's3 failover'],
    [['s3:up', 'a:up'], [], 'a preferred'],
    [['a:drain', 'b:maint', 's3:up'], [], 's3 backup'],
    [['a:down', 's3:down'], [], 'all-servers-down'],
    [['a:up', 's3:down'], ['a'], 'all-servers-tried'],
    [[], [], 'all-servers-down'],
  ]
  for (const [list, triedNames, expected] of cases) {
    const all = servers(...list)
    const choice = nextServer(
      all,
      all.filter(({ name }) => triedNames.includes(name)),
    )
    const text = choice.kind === 'use' ? `${choice.server.name} ${choice.because}` : choice.because
    t.equal(text, expected, `${list} after ${triedNames}`)
  }
})

t.test('a server is used while any is up, never one that is not, never one twice', async () => {
  const candidate = fc.record({
    name: fc.string(),
    backup: fc.boolean(),
    routable: fc.constantFrom(...states),
  })
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 8 }), (all) => {
      const up = all.filter(({ routable }) => routable === 'up')
      const tried: Candidate[] = []
      for (let choice = nextServer(all, tried); choice.kind === 'use'; choice = nextServer(all, tried)) {
        const { server } = choice
        if (server.routable !== 'up' || tried.includes(server)) return false
        if (server.backup && up.some((one) => !one.backup && !tried.includes(one))) return false
        tried.push(server)
      }
      return tried.length === up.length
    }),
  )
})
