// Faults of a part's process: killed, stopped, restarted with what it had stored or without.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/** What is needed of a part: `systems/part.ts` has it. */
export interface FaultyPart {
  readonly name: string
  readonly running: boolean
  /** Of the group's leader; null while nothing runs. */
  readonly pid: number | null
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  restart(state: 'warm' | 'cold'): Promise<void>
}

/** One whose description has a signal for it. */
export interface ReloadablePart {
  readonly name: string
  readonly running: boolean
  reload(): void
}

/** kill -9; healing starts it again, with its store (`warm`) or without (`cold`), once no other fault wants it dead. */
export function killed(part: FaultyPart, restart: 'warm' | 'cold'): Fault {
  const token = Symbol(restart)
  const deaths = wishesAbout<'dead'>(part, 'killed', async (wish) => {
    if (wish !== null && part.running) await part.kill()
  })
  return makeFault({
    name: restart === 'cold' ? 'killed, its store lost' : 'killed',
    target: part.name,
    evidence: 'processes that were gone',
    apply: () => deaths.add(token, 'dead'),
    async undo() {
      const isGone = !part.running
      await deaths.withdraw(token)
      if (!part.running && !deaths.standing) await part.restart(restart)
      return isGone ? 1 : 0
    },
  })
}

/** SIGSTOP: its connections stay open and nothing is answered on them; healing continues it. */
export function stopped(part: FaultyPart): Fault {
  let touched = 0
  return makeFault({
    name: 'stopped',
    target: part.name,
    evidence: 'processes that the system showed as stopped',
    async apply() {
      part.freeze()
      touched = (await becomes(part.pid, 'T')) ? 1 : 0
    },
    async undo() {
      part.thaw()
      if (part.running && !(await becomes(part.pid, 'SRD'))) throw new Error(`${part.name} stays stopped`)
      return touched
    },
  })
}

/** Told to read its configuration again, which it may not let anybody notice. */
export function reloaded(part: ReloadablePart): Fault {
  let touched = 0
  return makeFault({
    name: 'reloaded',
    target: part.name,
    evidence: 'running processes that got the signal to reload',
    async apply() {
      touched = part.running ? 1 : 0
      part.reload()
    },
    undo: async () => touched,
  })
}

/** Killed and started again at once: what a crash with a supervisor looks like. Healing waits until it answers. */
export function restarted(part: FaultyPart, state: 'warm' | 'cold'): Fault {
  let touched = 0
  return makeFault({
    name: `restarted ${state}`,
    target: part.name,
    evidence: 'processes that were replaced by another',
    async apply() {
      const before = part.pid
      await part.kill()
      await part.restart(state)
      touched = before !== null && part.pid !== before ? 1 : 0
    },
    async undo() {
      if (!part.running) await part.restart(state)
      return touched
    },
  })
}

const stateDeadlineMs = 1000

/** Whether /proc comes to show the process in one of the states; false where there is no /proc. */
async function becomes(pid: number | null, states: string): Promise<boolean> {
  const deadline = performance.now() + stateDeadlineMs
  while (performance.now() < deadline) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    if (stat === '') return false
    // proc(5): the state follows the name, which stands in parentheses and may hold anything.
    if (states.includes(stat.charAt(stat.lastIndexOf(')') + 2))) return true
    await sleep(5)
  }
  return false
}
