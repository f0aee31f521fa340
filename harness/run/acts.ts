// Which faults a deployment that runs already allows: those for which its user has said where they act.
import { NotApplicable, UsageError } from '../errors.ts'
import type { AttachedProcess } from '../systems/attached-part.ts'
import type { RunningDeployment } from './running.ts'

/** What a scenario acts on that only a deployment started by the harness has by itself. */
export type Act =
  | 's3-links'
  | 'cache-links'
  | 'cache-restart'
  | 'cache-restart-empty'
  | 'router-reload'
  | 'router-restart'
  | 'nameserver'
  | 'store-size'
  | 'store-files'

const missing = {
  's3-links':
    'acts on the way to S3: name the proxy there (--link cache-s3=PROXY, and --link router-s3=PROXY)',
  'cache-links': 'acts on the way to the cache: name the proxy there (--link router-cache=PROXY)',
  'cache-restart': 'kills the cache: give --process cache=PIDFILE and --restart cache=COMMAND',
  'cache-restart-empty':
    'kills the cache, which must come back empty: give --process cache=PIDFILE and --restart-empty cache=COMMAND',
  'router-reload': 'reloads the router: give --process router=PID and --reload router=SIGNAL',
  'router-restart': 'kills the router: give --process router=PIDFILE and --restart router=COMMAND',
  nameserver: 'breaks the nameserver that the harness gives a system',
  'store-size': 'gives the cache a small store',
  'store-files': 'damages the files of the cache’s store',
} satisfies Record<Act, string>

/** What a deployment that runs already has none of that a run could break. */
const unattainable = {
  nameserver: 'nameserver',
  'store-size': 'store of a chosen size',
  'store-files': 'store whose files are known',
} satisfies Partial<Record<Act, string>>

function isPossible(act: Act, { processes, links }: RunningDeployment): boolean {
  const some = (role: string, has: (it: AttachedProcess) => unknown) =>
    processes.some((it) => it.role === role && has(it))
  switch (act) {
    case 's3-links':
      return links.some(({ to }) => to === 's3')
    case 'cache-links':
      return links.some(({ to }) => to !== 's3')
    case 'cache-restart':
      return some('cache', ({ restart }) => restart.warm)
    case 'cache-restart-empty':
      return some('cache', ({ restart }) => restart.cold)
    case 'router-reload':
      return some('router', ({ reload }) => reload)
    case 'router-restart':
      return some('router', ({ restart }) => restart.warm)
    default:
      return false
  }
}

/** @throws UsageError that says which option is missing for what the scenario acts on. */
export function requireActs(scenario: string, acts: readonly Act[], running: RunningDeployment): void {
  const act = acts.find((each) => !isPossible(each, running))
  if (act === undefined) return
  if (act in unattainable) {
    throw new NotApplicable(
      `${scenario} ${missing[act]}; no option can do that to a deployment that runs already: describe it in a file (npx breakwater init-system)`,
      unattainable[act as keyof typeof unattainable],
    )
  }
  throw new UsageError(`${scenario} ${missing[act]}`)
}
