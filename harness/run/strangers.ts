// Clients without credentials who ask for known objects all the while: whatever breaks, none may ever be served one.
import { setTimeout as sleep } from 'node:timers/promises'
import type { StrangerLine } from '../history/events.ts'
import { Connections } from '../load/connections.ts'
import type { Endpoint } from '../load/messages.ts'
import { ask } from './ask.ts'

const intervalMs = 250

export interface StrangersPlan {
  readonly entry: Endpoint
  readonly hostHeader: string
  /** Request targets of private objects, asked for in turn. */
  readonly targets: readonly string[]
  readonly emit: (line: StrangerLine) => void
  readonly nowMs: () => number
}

/** Begins to ask; disposing of it waits for the last answer. */
export function startStrangers(plan: StrangersPlan): AsyncDisposable {
  const stopping = new AbortController()
  const connections = new Connections(plan.entry)
  const loop = (async () => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      const target = plan.targets[i % plan.targets.length]!
      const atMs = plan.nowMs()
      const isServed = await wasServed(connections, plan.hostHeader, target)
      plan.emit({ type: 'stranger', atMs, target, isServed })
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await loop
      connections.close()
    },
  }
}

/** Whether an unsigned GET was answered as if it were allowed, even if not to the end. */
async function wasServed(connections: Connections, host: string, target: string): Promise<boolean> {
  const answer = await ask(connections, { method: 'GET', target, headers: ['Host', host], body: null })
  return answer !== null && answer.status < 300
}
