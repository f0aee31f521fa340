// `--system URL`: a deployment that runs already. What the user says of it, checked before anything is touched.
import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Command, Option } from 'commander'
import { Client } from 'undici'
import { UsageError } from '../errors.ts'
import { isOriginFolder } from '../origins/attach.ts'
import { type AttachedProcess, pidIn } from '../systems/attached-part.ts'
import { birthOf } from '../systems/process-tree.ts'

/** A proxy of the user's Toxiproxy, and what it leads to. */
export interface AttachedLink {
  /** `s3`, or the name of a cache. */
  readonly to: string
  /** The proxy's name in Toxiproxy. */
  readonly proxy: string
}

export interface RunningDeployment {
  readonly url: string
  readonly processes: readonly AttachedProcess[]
  readonly links: readonly AttachedLink[]
}

/** What commander makes of the flags in question. */
export interface RunningFlags {
  readonly system: string
  readonly origin: string
  readonly toxiproxy: string
  readonly process: readonly string[]
  readonly restart: readonly string[]
  readonly restartEmpty: readonly string[]
  readonly reload: readonly string[]
  readonly link: readonly string[]
  readonly allowRemote?: boolean
}

const onlyForUrls = ['process', 'restart', 'restartEmpty', 'reload', 'link', 'allowRemote'] as const

function flagOf(name: (typeof onlyForUrls)[number]): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** The flags without those that are for `--system URL` alone, for a run on another system beside it. */
export function withoutRunningFlags(argv: readonly string[]): string[] {
  const names = onlyForUrls.map(flagOf)
  return argv.filter((word, i) => {
    const before = argv[i - 1] ?? ''
    const isValue = names.includes(before) && before !== '--allow-remote'
    return !isValue && !names.some((name) => word === name || word.startsWith(`${name}=`))
  })
}

/** An option that may be there several times. */
function several(flags: string, description: string): Option {
  const gather = (text: string, before: readonly string[]) => [...before, text]
  return new Option(flags, description).argParser(gather).default([], 'none')
}

export function addRunningOptions(command: Command): Command {
  return command
    .addOption(
      several('--process <role=pid>', 'with --system URL: cache or router (or ROLE:NAME) = PID or pid file'),
    )
    .addOption(several('--restart <name=command>', 'starts that process again, its store kept'))
    .addOption(several('--restart-empty <name=command>', 'starts that process again with an empty store'))
    .addOption(several('--reload <name=signal>', 'makes that process read its configuration again'))
    .addOption(
      several('--link <from-to=proxy>', 'the proxy of a running Toxiproxy on that way: cache-s3=NAME'),
    )
    .option('--allow-remote', 'the URL is on another machine, and mine to load and break')
}

/** Whether `--system` is a URL. */
export function isUrl(system: string): boolean {
  return /^https?:\/\//i.test(system)
}

/** Null when `--system` is no URL. Throws UsageError for everything the user can have got wrong. */
export function runningDeployment(flags: RunningFlags): RunningDeployment | null {
  if (!isUrl(flags.system)) {
    const given = onlyForUrls.find((name) =>
      Array.isArray(flags[name]) ? flags[name].length > 0 : flags[name],
    )
    if (given) throw new UsageError(`${flagOf(given)} is for a deployment that runs already: --system URL`)
    return null
  }
  const url = entryUrl(flags.system)
  requireOwn('--system', url.href, flags)
  requireRunningOrigin(flags)
  const links = flags.link.map(parseLink)
  requireRunningToxiproxy(links, flags)
  const processes = parseProcesses(flags)
  requireKnownEnds(links, processes)
  return { url: url.origin, processes, links }
}

function requireRunningOrigin({ system, origin }: RunningFlags): void {
  if (isOriginFolder(path.resolve(origin))) return
  throw new UsageError(
    `--system ${system}: what it reads from must run already too: start "npx breakwater origin --port 9443", point the deployment at it, and give its folder (--origin breakwater-origin)`,
  )
}

function requireRunningToxiproxy(links: readonly AttachedLink[], flags: RunningFlags): void {
  if (isUrl(flags.toxiproxy)) requireOwn('--toxiproxy', flags.toxiproxy, flags)
  else if (links.length > 0) {
    throw new UsageError(
      '--link names proxies of a Toxiproxy that runs: give its address (--toxiproxy http://127.0.0.1:8474)',
    )
  }
}

function entryUrl(text: string): URL {
  if (!URL.canParse(text)) throw new UsageError(`--system: ${text} is no URL`)
  const url = new URL(text)
  const hasMore = url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== ''
  if (hasMore) throw new UsageError(`--system ${text}: expected http://HOST:PORT and nothing behind it`)
  return url
}

/** Load and faults go to this machine, or to one of which the user says that he may. */
function requireOwn(flag: string, text: string, { allowRemote }: RunningFlags): void {
  if (!URL.canParse(text)) throw new UsageError(`${flag}: ${text} is no URL`)
  const { hostname } = new URL(text)
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  if (isLoopback || allowRemote) return
  throw new UsageError(
    `${flag} ${text} is not on this machine: a run loads and breaks what it is given; if ${hostname} is yours to break, add --allow-remote`,
  )
}

/** NAME=VALUE, split at the first equals sign. */
function pair(flag: string, text: string, example: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)]
  throw new UsageError(`${flag}: expected ${example}, got "${text}"`)
}

function parseLink(text: string): AttachedLink {
  const [way, proxy] = pair('--link', text, 'FROM-TO=PROXY such as cache-s3=NAME or router-cache=NAME')
  // Names of caches may hold dashes; the way to S3 ends in -s3 from wherever it begins.
  const to = way.endsWith('-s3') ? 's3' : /^[^-]+-(.+)$/.exec(way)?.[1]
  if (to === undefined)
    throw new UsageError(`--link: expected FROM-TO=PROXY such as cache-s3=NAME, got "${text}"`)
  return { to, proxy }
}

/** Once caches have been named, a link leads to one of them or to S3. */
function requireKnownEnds(links: readonly AttachedLink[], processes: readonly AttachedProcess[]): void {
  const caches = processes.filter(({ role }) => role === 'cache').map(({ name }) => name)
  const stray = links.find(({ to }) => to !== 's3' && caches.length > 0 && !caches.includes(to))
  if (stray)
    throw new UsageError(
      `--link: there is no cache "${stray.to}"; the way leads to ${caches.join(', ')} or s3`,
    )
}

function parseProcesses(flags: RunningFlags): AttachedProcess[] {
  const byName = (flag: string, texts: readonly string[], example: string) =>
    new Map(texts.map((text) => pair(flag, text, example)))
  const warm = byName('--restart', flags.restart, 'NAME=COMMAND')
  const cold = byName('--restart-empty', flags.restartEmpty, 'NAME=COMMAND')
  const reload = byName('--reload', flags.reload, 'NAME=SIGNAL such as router=SIGUSR2')
  const processes = flags.process.map((text) => {
    const [who, where] = pair('--process', text, 'ROLE=PID or ROLE:NAME=PIDFILE')
    const [role, name = role] = who.split(':')
    return {
      ...{ name: name!, role: roleOf(role!, text), ...whereIs(where, text) },
      restart: { ...given('warm', warm.get(name!)), ...given('cold', cold.get(name!)) },
      ...given('reload', signalOf(reload.get(name!))),
    }
  })
  const names = processes.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new UsageError(`--process: "${twice}" is there twice; name them: cache:NAME=PID`)
  const stranger = [...warm.keys(), ...cold.keys(), ...reload.keys()].find((name) => !names.includes(name))
  if (stranger !== undefined) {
    throw new UsageError(`there is no --process named "${stranger}"; there are ${names.join(', ') || 'none'}`)
  }
  return processes
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value }
}

function roleOf(role: string, text: string): 'cache' | 'router' {
  if (role === 'cache' || role === 'router') return role
  throw new UsageError(
    `--process: the role is cache or router, as in cache=PID or cache:NAME=PID, got "${text}"`,
  )
}

const reloadSignals = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

function signalOf(text: string | undefined): AttachedProcess['reload'] {
  const signal = reloadSignals.find((name) => name === text)
  if (signal === undefined && text !== undefined)
    throw new UsageError(`--reload: expected ${reloadSignals.join(', ')}, got "${text}"`)
  return signal
}

function whereIs(where: string, text: string): Pick<AttachedProcess, 'pid' | 'pidFile'> {
  if (!existsSync('/proc/self/stat')) throw new UsageError('--process needs Linux: there is no /proc here')
  const isNumber = /^\d+$/.test(where)
  const pidFile = isNumber ? null : path.resolve(where)
  const pid = isNumber ? Number(where) : pidIn(where)
  if (pid === null)
    throw new UsageError(`--process ${text}: the file ${where} is not there or holds no process number`)
  if (birthOf(pid) === null) throw new UsageError(`--process ${text}: there is no process ${pid}`)
  requireSignalable(pid, text)
  return { pid, pidFile }
}

function requireSignalable(pid: number, text: string): void {
  if (pid === 1 || pid === process.pid || pid === process.ppid)
    throw new UsageError(`--process ${text}: stopping process ${pid} would stop this run`)
  try {
    process.kill(pid, 0)
  } catch {
    throw new UsageError(`--process ${text}: you may not send signals to process ${pid}`)
  }
}

const answerDeadlineMs = 5000

/** @throws UsageError unless a server answers there in HTTP, whatever it answers; for https over TLS that can be verified. */
export async function requireAnswering(url: string): Promise<void> {
  const client = new Client(url, { connectTimeout: answerDeadlineMs, headersTimeout: answerDeadlineMs })
  try {
    await client.request({ method: 'HEAD', path: '/' })
  } catch (error) {
    throw new UsageError(`--system ${url}: ${whyUnanswered(url, error as NodeJS.ErrnoException)}`)
  } finally {
    await client.destroy()
  }
}

const unreachable = /^(ECONNREFUSED|EHOST|ENET|ENOTFOUND|EAI_|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)/

function whyUnanswered(url: string, { code = '', message }: NodeJS.ErrnoException): string {
  if (/CERT|SIGNATURE|ALTNAME/.test(code)) {
    return `its certificate can't be verified (${code}); give its authority by NODE_EXTRA_CA_CERTS`
  }
  if (unreachable.test(code)) {
    return `nobody takes connections there (${code}); start the deployment first`
  }
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return `no answer to HEAD / within ${answerDeadlineMs / 1000} s; is what it reads from up?`
  }
  const scheme = url.startsWith('https:') ? 'HTTPS' : 'HTTP'
  return `what listens there speaks no ${scheme} (${code || message}); give the address of the deployment`
}
