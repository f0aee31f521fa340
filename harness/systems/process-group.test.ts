import { once } from 'node:events'
import t from 'tap'
import { spawnTiedAloud } from '../../proxy/testing/tied-process.ts'

/** Exits with 3, once it has something that the reaper must see to; with an `onExit` that may not return. */
function exiting(onExit: string) {
  const module = new URL('./process-group.ts', import.meta.url).href
  const script = `
    import { exitSurely, guard } from ${JSON.stringify(module)}
    guard(4194000)
    process.on('exit', () => { ${onExit} })
    exitSurely(3)`
  return once(spawnTiedAloud(['--input-type=module', '-e', script]), 'exit')
}

t.test('a process ends with its exit code; one that hangs as it exits is ended', async (t) => {
  t.strictSame(await exiting(''), [3, null])
  const hang = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'
  t.strictSame(await exiting(hang), [null, 'SIGKILL'])
})
