// The embedded server's command line, with the flags of toxiproxy-server: it can stand in the real one's place.
import { readFile } from 'node:fs/promises'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import { exitCodes, messageOf, UsageError } from '../errors.ts'
import { startToxiproxyServer, type ToxiproxyServer, toxiproxyVersion } from './server.ts'

interface Flags {
  readonly host: string
  readonly port: number
  readonly config?: string
  readonly seed: number
  readonly proxyMetrics: boolean
  readonly runtimeMetrics: boolean
}

/** Runs the server until SIGINT or SIGTERM, or until the process that started it with an IPC channel is gone. */
export async function runToxiproxy(argv: readonly string[]): Promise<void> {
  const flags = parse(argv)
  if (flags === undefined) return
  const config = flags.config === undefined ? undefined : await readConfig(flags.config)
  const server = await start(flags)
  if (config !== undefined) await populate(server, config, flags.config!)
  const stop = () => void server.close().then(() => process.exit(0))
  for (const signal of ['SIGINT', 'SIGTERM', 'disconnect'] as const) process.once(signal as 'SIGINT', stop)
  console.log(`toxiproxy listening on ${server.url}`)
}

/** Undefined when the flags ask for nothing but an answer, such as --version. */
function parse(argv: readonly string[]): Flags | undefined {
  const command = new Command('toxiproxy')
    .description('A Toxiproxy-compatible server; stands in for toxiproxy-server')
    .option('--host <host>', 'host for the API to listen on', 'localhost')
    .option('--port <port>', 'port for the API to listen on, 0 for a free one', integerTo(65535), 8474)
    .option('--config <file>', 'JSON file with the proxies to create on startup')
    .option('--seed <n>', 'repeats jitter, toxicity and every other draw', int64, randomSeed())
    .option('--proxy-metrics', 'serve the proxies’ figures at /metrics', false)
    .option('--runtime-metrics', 'serve the runtime’s figures at /metrics', false)
    .version(`toxiproxy-server version ${toxiproxyVersion}`, '--version')
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  try {
    // Go's flags have one dash or two.
    command.parse(
      argv.map((word) => word.replace(/^-(?=[a-z]{2})/, '--')),
      { from: 'user' },
    )
    return command.opts<Flags>()
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return undefined
    throw new UsageError(`toxiproxy: ${error.message.replace(/^error: /, '')}`)
  }
}

function integerTo(most: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) <= most) return Number(text)
    throw new InvalidArgumentError(`expected a whole number up to ${most}, got "${text}".`)
  }
}

/** As Go takes it; a double tells 2^53 of them apart. */
function int64(text: string): number {
  if (/^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)) return Number(text)
  throw new InvalidArgumentError(`expected a whole number of 64 bits, got "${text}".`)
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32)
}

async function readConfig(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UsageError(`toxiproxy: can't read the configuration ${file}: ${messageOf(error)}`)
  }
}

async function start(flags: Flags): Promise<ToxiproxyServer> {
  try {
    return await startToxiproxyServer(flags)
  } catch (error) {
    throw new UsageError(`toxiproxy: can't listen on ${flags.host}:${flags.port}: ${messageOf(error)}`)
  }
}

async function populate(server: ToxiproxyServer, config: Buffer, file: string): Promise<void> {
  try {
    await server.populate(config)
  } catch (error) {
    await server.close()
    throw new UsageError(`toxiproxy: ${file}: ${messageOf(error)}`)
  }
}

if (import.meta.main) {
  await runToxiproxy(process.argv.slice(2)).catch((error) => {
    console.error(`breakwater: ${messageOf(error)}`)
    process.exitCode = error instanceof UsageError ? exitCodes.usage : exitCodes.crash
  })
}
