import t from 'tap'
import { countedMs, type Patience, RunLimit } from './limit.ts'

const patience: Patience = { times: 2, plusMs: 100, tickMs: 10 }

/** Resolves with what the limit says first. */
function overrun(begin: (limit: RunLimit) => void): Promise<string> {
  return new Promise((resolve) => {
    const limit = new RunLimit((reason) => {
      limit.stop()
      resolve(reason)
    }, patience)
    begin(limit)
  })
}

t.test('a wait that never ends is named, with what it was to take', async (t) => {
  t.match(
    await overrun((limit) => limit.awaits('the end of the phase steady', 50)),
    /^the run was ended: for \d+ s it waited for the end of the phase steady, which was to take 0 s$/,
  )
  t.match(await overrun((limit) => limit.awaits('Godot')), /waited for Godot$/)
  t.match(await overrun(() => {}), /waited for the run to begin$/)
})

t.test('each wait has its own time: many short ones may take long together', async (t) => {
  const limit = new RunLimit(t.fail, { ...patience, plusMs: 60_000 })
  t.teardown(() => limit.stop())
  const awaited = overrun((short) => {
    let waits = 0
    // Twenty of them are far more than one may take.
    const next = setInterval(() => {
      short.awaits(`wait ${++waits}`)
      if (waits === 20) clearInterval(next)
    }, 20)
  })
  t.match(await awaited, /waited for wait 20$/)
})

t.test('while the machine sleeps or the process gets no turn, nothing is counted', async (t) => {
  t.equal(countedMs(10, 10), 10)
  t.equal(countedMs(3_600_000, 1000), 2000)
})
