// The command line of the reference system: node proxy/main.ts cache|router|both --config FILE. It prints one line when it
// listens, drains on SIGTERM, and takes a new configuration on SIGHUP.
import './young-space.ts'
import { parseArgs } from 'node:util'
import { ProxyError } from './errors.ts'
import { startBoth } from './roles/both.ts'
import { startCache } from './roles/cache.ts'
import type { RunningRole } from './roles/role.ts'
import { startRouter } from './roles/router.ts'

const usage = 'usage: node proxy/main.ts cache|router|both --config FILE'
const exitUsage = 254
const exitCrash = 255

const roles: Readonly<Record<string, (configFile: string) => Promise<RunningRole>>> = {
  cache: startCache,
  router: startRouter,
  both: startBoth,
}

function fail(message: string): never {
  console.error(message)
  process.exit(exitUsage)
}

function argumentsOf(argv: readonly string[]): {
  start: (file: string) => Promise<RunningRole>
  file: string
} {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
    if (values.help) {
      console.log(usage)
      process.exit(0)
    }
    const start = roles[positionals[0] ?? '']
    if (start === undefined || positionals.length !== 1 || values.config === undefined) fail(usage)
    return { start, file: values.config }
  } catch (error) {
    fail(`${(error as Error).message.split('\n')[0]}\n${usage}`)
  }
}

const { start, file } = argumentsOf(process.argv.slice(2))
try {
  const role = await start(file)
  console.log(role.readyLine)
  process.on('SIGHUP', () => void role.reload())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void role.drain().then(() => process.exit(0)))
  }
} catch (error) {
  if (error instanceof ProxyError) fail(error.message)
  console.error(error)
  process.exit(exitCrash)
}
