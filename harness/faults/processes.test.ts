// Faults of processes that need no process to be tried; `catalogue.test.ts` tries the others on real ones.
import t from 'tap'
import { reloaded } from './processes.ts'

const part = (running: boolean) => {
  const seen = { reloads: 0 }
  return { seen, name: 'router', running, reload: () => void seen.reloads++ }
}

t.test('a reload is signalled once, and healing adds none', async (t) => {
  const router = part(true)
  const fault = reloaded(router)
  await fault.apply()
  t.equal((await fault.heal()).count, 1)
  t.equal(router.seen.reloads, 1)
})

t.test('a reload of what does not run has touched nothing', async (t) => {
  const fault = reloaded(part(false))
  await fault.apply()
  t.equal((await fault.heal()).count, 0)
})
