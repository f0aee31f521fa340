// A deployment that somebody started by hand, the reference cache with a Toxiproxy link to its S3, is loaded and broken by
// its URL, and found again as it was.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Run } from '../experiment.ts'
import { killed, stopped } from '../faults/processes.ts'
import { publishOrigin } from '../origins/attach.ts'
import { originHost } from '../origins/handle.ts'
import { startNameserver } from '../origins/nameserver.ts'
import { startOrigin } from '../origins/start.ts'
import { runScenario, type Scenario } from '../scenario.ts'
import { signalProcess } from '../systems/process-tree.ts'
import { openToxiproxy } from '../toxiproxy/find.ts'
import { requireActs } from './acts.ts'
import { parseRunOptions } from './options.ts'
import { freePorts } from './ports.ts'
import { withoutRunningFlags } from './running.ts'

t.setTimeout(90_000)
const hasProc = process.platform === 'linux'
const dir = t.testdir({ data: {}, origin: {}, logs: {}, cache: {} })
for (let i = 0; i < 20; i++) writeFileSync(path.join(dir, `data/file-${i}`), 'x'.repeat(1000 + i))

const origin = await startOrigin({ kind: 's3rver', dir: `${dir}/origin`, dataset: `${dir}/data`, seed: 1 })
await publishOrigin(`${dir}/origin`, origin)
const toxiproxy = await openToxiproxy('embedded', { seed: 1, logDir: `${dir}/logs` })
const link = await toxiproxy.createLink('their-s3', origin.tlsAddress)
await toxiproxy.addToxic('their-s3', {
  name: 'theirs',
  type: 'latency',
  stream: 'upstream',
  attributes: { latency: 1 },
})
const nameserver = await startNameserver({ [originHost]: ['127.0.0.1'] })
const [port, linkPort] = [(await freePorts(1))[0]!, link.split(':')[1]]
const pidFile = path.join(dir, 'cache.pid')
writeFileSync(
  path.join(dir, 'cache/cache.yaml'),
  `listen: '127.0.0.1:${port}'
nameservers: ['${nameserver.address}']
origin: { url: 'https://${originHost}:${linkPort}', ca: '${origin.caFile}', first_byte_timeout: 3s }
store: { path: '${dir}/cache/store', max_size: 100m }
authorisation: { mode: verify, keys: [{ access_key: ${origin.credentials.accessKey}, secret_key: ${origin.credentials.secretKey} }] }
`,
)

const main = fileURLToPath(new URL('../../proxy/main.ts', import.meta.url))
const start = `cd ${dir}/cache && ${process.execPath} ${main} cache --config cache.yaml >> out.log 2>&1 & echo $! > ${pidFile}`

const pid = () => Number(readFileSync(pidFile, 'utf8'))
const stateOf = (pid: number) => /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
const proxies = async () => (await fetch(`${toxiproxy.url}/proxies`)).text()

async function startByHand(): Promise<void> {
  await once(spawn('sh', ['-c', start], { stdio: 'ignore' }), 'exit')
  await untilServes()
}

async function untilServes(): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (isUp) return
    await sleep(50)
  }
  throw new Error(`the cache does not serve: ${readFileSync(`${dir}/cache/out.log`, 'utf8')}`)
}

const story: Scenario = {
  name: 'broken-by-hand',
  story: 'a story',
  speed: 1,
  ratePerSecond: 40,
  durationSeconds: 1,
  workload: { shares: { neverRead: 0, upload: 0 } },
  thresholds: [
    {
      name: 'reads go on without S3',
      phase: 'silent',
      measure: { kind: 'ok-ratio', population: 'known', phases: ['silent'] },
      must: { atLeast: 1 },
    },
  ],
}

const flags = [
  ...['--system', `http://127.0.0.1:${port}`, '--origin', `${dir}/origin`, '--toxiproxy', toxiproxy.url],
  ...['--link', 'cache-s3=their-s3', '--process', `cache=${pidFile}`, '--restart', `cache=${start}`],
]

function play(name: string, tell: (run: Run) => Promise<void>): Promise<number> {
  return runScenario(story, tell, [...flags, '--quiet', '--out', path.join(dir, name)], 'story.mjs')
}

const results = (name: string) => JSON.parse(readFileSync(path.join(dir, name, 'results.json'), 'utf8'))
const seconds = 1

await t.test('with faults on its link and its process', { skip: !hasProc && 'no /proc' }, async (t) => {
  await startByHand()
  const [before, first] = [await proxies(), pid()]
  t.capture(console, 'log')

  await t.test('it is judged, and is afterwards as it was', async (t) => {
    const code = await play('pass', async (run) => {
      await run.warm()
      await run.steady({ seconds })
      const silent = run.links.silent(run.deployment.originLinks)
      const [cache] = run.targets.caches
      await run.phase({ name: 'silent', story: 'S3 is silent', seconds, faults: [silent] })
      await run.phase({ name: 'stopped', story: 'stopped', seconds, faults: [stopped(cache!)] })
      await run.phase({ name: 'killed', story: 'killed', seconds, faults: [killed(cache!, 'warm')] })
    })
    t.equal(code, 2, 'the silence met no traffic: everything was in the cache')
    t.match(results('pass').reason, /packets vanish/)
    t.not(pid(), first, 'the cache was killed and started again')
    await untilServes()
    t.equal(await proxies(), before)
    t.ok(results('pass').systemCpuSeconds.cache > 0, 'its CPU time is known')
  })

  await t.test('Ctrl-C undoes everything', async (t) => {
    t.capture(console, 'error')
    const code = await play('interrupted', async (run) => {
      const silent = run.links.silent(run.deployment.originLinks)
      const faults = [silent, stopped(run.targets.caches[0]!)]
      setTimeout(() => {
        t.equal(stateOf(pid()), 'T')
        process.emit('SIGINT', 'SIGINT')
      }, 1500)
      await run.phase({ name: 'both', story: 'both', seconds: 20, faults })
    })
    t.equal(code, 130)
    t.not(stateOf(pid()), 'T', 'it goes on')
    t.equal(await proxies(), before)
  })

  await t.test('a crash of the run undoes everything', async (t) => {
    t.capture(console, 'error')
    const second = pid()
    const code = await play('crashed', async (run) => {
      const refused = run.links.refused(run.deployment.originLinks)
      const faults = [refused, killed(run.targets.caches[0]!, 'warm')]
      await run.phase({ name: 'both', story: 'both', seconds, faults })
      throw new Error('a mistake in the scenario')
    })
    t.equal(code, 255)
    t.not(pid(), second, 'it was started again')
    await untilServes()
    t.equal(await proxies(), before)
  })

  await t.test('a process that ends by itself makes the run unknown', async (t) => {
    const code = await play('ended', async (run) => {
      setTimeout(() => process.kill(pid(), 'SIGKILL'), 500)
      await run.phase({ name: 'alone', story: 'nothing', seconds: 20 })
    })
    t.equal(code, 2)
    t.match(results('ended').reason, /part cache died unexpectedly/)
    await startByHand()
  })
})

const parse = (...more: string[]) =>
  parseRunOptions('s3-outage', '', { speed: 1, ratePerSecond: 1, durationSeconds: 1 }, more)

await t.test('what can not be is refused in one line', { skip: !hasProc && 'no /proc' }, async (t) => {
  const [url, folder] = [flags.slice(0, 2), flags.slice(0, 4)]
  const all = flags.slice(0, 6)
  const table: [string[], RegExp][] = [
    [['--process', 'cache=1'], /--process is for a deployment that runs already: --system URL/],
    [['--allow-remote'], /--allow-remote is for a deployment that runs already/],
    [url, /must run already too: start "npx breakwater origin --port 9443"/],
    [['--system', 'http://127.0.0.1:1/bucket'], /expected http:\/\/HOST:PORT and nothing behind it/],
    [['--system', 'http://shop.example'], /is not on this machine.*add --allow-remote/],
    [[...folder, '--link', 'cache-s3=x'], /give its address \(--toxiproxy http/],
    [[...folder, '--toxiproxy', 'http://10.0.0.1:8474'], /is not on this machine/],
    [[...all, '--link', 's3'], /--link: expected FROM-TO=PROXY/],
    [[...all, '--link', 'nowhere=x'], /--link: expected FROM-TO=PROXY/],
    [[...all, '--process', 'store=1'], /the role is cache or router/],
    [[...all, '--process', 'cache'], /expected ROLE=PID/],
    [[...all, '--process', `cache=${dir}/none.pid`], /is not there or holds no process number/],
    [[...all, '--process', 'cache=4194999'], /there is no process 4194999/],
    [[...all, '--process', `cache=${process.pid}`], /would stop this run/],
    [[...all, '--process', `cache=${pidFile}`, '--process', `cache=${pidFile}`], /"cache" is there twice/],
    [[...all, '--restart', 'cache=x'], /no --process named "cache"; there are none/],
    [
      [...all, '--process', `router=${pidFile}`, '--reload', 'router=SIGKILL'],
      /expected SIGHUP, SIGUSR1, SIGUSR2/,
    ],
    [[...all, '--process', `cache:a=${pidFile}`, '--link', 'router-b=x'], /there is no cache "b"/],
    [[...folder, '--dataset', dir], /give it to npx breakwater origin/],
  ]
  for (const [argv, message] of table)
    t.throws(() => parse(...argv), { name: 'UsageError', message }, argv.join(' '))
  t.ok(parse(...url.slice(0, 1), 'http://shop.example', ...flags.slice(2, 4), '--allow-remote').running)
})

await t.test('what does not answer is refused, and nothing is left', async (t) => {
  const nowhere = `http://127.0.0.1:${(await freePorts(1))[0]}`
  const table: [string[], RegExp][] = [
    [['--system', nowhere, ...flags.slice(2, 6)], /nobody takes connections there \(ECONNREFUSED\)/],
    [['--system', toxiproxy.url.replace('http', 'https'), ...flags.slice(2, 6)], /speaks no HTTPS \(ERR_SSL/],
    [['--system', `http://${origin.tlsAddress}`, ...flags.slice(2, 6)], /speaks no HTTP \(/],
    [
      ['--system', `https://${origin.tlsAddress}`, ...flags.slice(2, 6)],
      /give its authority by NODE_EXTRA_CA/,
    ],
    [[...flags.slice(0, 4), '--toxiproxy', nowhere], /no Toxiproxy answers/],
    [[...flags.slice(0, 6), '--link', 'cache-s3=no-such'], /there is no proxy no-such in the Toxiproxy/],
  ]
  await toxiproxy.createLink('elsewhere', '127.0.0.1:1')
  table.push([
    [...flags.slice(0, 6), '--link', 'cache-s3=elsewhere'],
    /leads to 127\.0\.0\.1:1, not to the origin/,
  ])
  for (const [argv, message] of table) {
    const said = t.capture(console, 'error')
    const out = ['--quiet', '--out', path.join(dir, 'refused')]
    t.equal(await runScenario(story, () => t.fail('the story was told') as never, [...argv, ...out], ''), 254)
    t.match(said(), [{ args: [message] }])
  }
  await toxiproxy.removeLink('elsewhere')
})

await t.test('a deployment that serves nothing leaves the verdict unknown', async (t) => {
  const deaf = createServer((_request, response) => response.writeHead(502).end()).listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  t.teardown(() => deaf.close())
  t.capture(console, 'log')
  const url = `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`
  const argv = ['--system', url, ...flags.slice(2, 4), '--quiet', '--out', path.join(dir, 'deaf')]
  t.equal(await runScenario(story, (run) => run.warm(), argv, 'story.mjs'), 2)
  t.match(results('deaf').reason, /could not be read in 3 tries/)
})

await t.test('a scenario is refused when nobody said where it acts', async (t) => {
  const nothing = { url: '', processes: [], links: [] }
  t.throws(() => requireActs('s3-outage', ['s3-links'], nothing), {
    message:
      's3-outage acts on the way to S3: name the proxy there (--link cache-s3=PROXY, and --link router-s3=PROXY)',
  })
  t.throws(() => requireActs('dns-failure', ['nameserver'], nothing), { message: /no option can do that/ })
  t.doesNotThrow(() =>
    requireActs('s3-outage', ['s3-links'], { ...nothing, links: [{ to: 's3', proxy: 'x' }] }),
  )
  const { running } = parse(...flags)
  t.doesNotThrow(() => requireActs('x', ['s3-links', 'cache-restart'], running!))
  t.throws(() => requireActs('x', ['cache-restart-empty'], running!), {
    message: /--restart-empty cache=COMMAND/,
  })
  t.throws(() => requireActs('x', ['router-restart'], running!), { message: /--restart router=COMMAND/ })
})

await t.test('runs on other systems beside it go without its flags', async (t) => {
  t.strictSame(
    withoutRunningFlags([
      '--link',
      'a-s3=b',
      '--rate',
      '5',
      '--process=cache=1',
      '--allow-remote',
      '--quiet',
    ]),
    ['--rate', '5', '--quiet'],
  )
})

// Not as a teardown: tap waits with those of the file for these processes to end.
if (hasProc) signalProcess(pid(), 'SIGKILL')
await Promise.all([toxiproxy.stop(), origin.stop(), nameserver.stop()])
