import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { startNameserver } from '../harness/origins/nameserver.ts'
import { spawnTied, type TiedProcess } from './testing/tied-process.ts'

t.setTimeout(100_000) // two dozen processes, on a busy machine a second each

const main = path.join(import.meta.dirname, 'main.ts')

interface Upstream {
  readonly url: string
  readonly port: number
}

/** An S3 that is a little slow: the head after 20 ms, the body in two pieces. It signs its answers with its name. */
async function upstream(t: Test, name: string): Promise<Upstream> {
  const server = createServer((request, response) => {
    request.resume()
    setTimeout(() => {
      response.writeHead(200, { 'Content-Length': 2 * name.length, ETag: `"${name}"` })
      if (request.method === 'HEAD') return response.end()
      response.write(name)
      setTimeout(() => response.end(name), 10)
    }, 20)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}` }
}

const configs = {
  cache: (url: string, dir: string) => `
listen: 127.0.0.1:0
origin: { url: '${url}' }
hosts: [s3.test]
store: { path: '${dir}/store', max_size: 10m }
authorisation: { mode: network }
admin: { listen: '127.0.0.1:0' }
`,
  router: (url: string) => `
listen: 127.0.0.1:0
servers:
  - { name: cache, url: '${url}' }
  - { name: s3, url: '${url}', backup: true }
admin: { listen: '127.0.0.1:0' }
`,
  both: (url: string, dir: string) => `
cache:
  origin: { url: '${url}' }
  hosts: [s3.test]
  store: { path: '${dir}/store', max_size: 10m }
  authorisation: { mode: network }
router:
  listen: 127.0.0.1:0
  servers: [{ name: s3, url: '${url}', backup: true }]
  admin: { listen: '127.0.0.1:0' }
`,
} as const

type RoleName = keyof typeof configs

/** The process and all it prints. */
class ProxyProcess {
  readonly child: TiedProcess
  readonly output: string[] = []
  readonly errors: string[] = []
  readonly exited: Promise<number | null>
  #listeners: (() => void)[] = []

  constructor(args: readonly string[]) {
    this.child = spawnTied([main, ...args])
    this.exited = once(this.child, 'close').then(([code]) => code as number | null)
    this.#gather(this.child.stdout, this.output)
    this.#gather(this.child.stderr, this.errors)
    void this.exited.then(() => this.#tell())
  }

  #gather(stream: NodeJS.ReadableStream, lines: string[]): void {
    createInterface(stream).on('line', (line) => {
      lines.push(line)
      this.#tell()
    })
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener()
  }

  /** The first line with `text`, on either stream; rejects when the process ends without it. */
  async line(text: string): Promise<string> {
    for (;;) {
      const found = [...this.output, ...this.errors].find((line) => line.includes(text))
      if (found !== undefined) return found
      if (this.child.exitCode !== null) throw new Error(`ended without "${text}": ${this.errors.join('\n')}`)
      await new Promise<void>((resolve) => this.#listeners.push(resolve))
    }
  }
}

interface Running {
  readonly proxy: ProxyProcess
  readonly port: number
  /** Its configuration file. */
  readonly file: string
  readonly readyLine: string
  /** Replaces the configuration file and sends SIGHUP. */
  reload(text: string): void
}

async function start(t: Test, role: string, text: string): Promise<Running> {
  const file = path.join(t.testdir({ 'role.yaml': text }), 'role.yaml')
  const proxy = new ProxyProcess([role, '--config', file])
  t.teardown(async () => {
    proxy.child.kill('SIGKILL')
    await proxy.exited
  })
  const readyLine = await proxy.line('listening on')
  const reload = (changed: string) => {
    writeFileSync(file, changed)
    proxy.child.kill('SIGHUP')
  }
  const port = Number(/listening on [\d.]+:(\d+)/.exec(readyLine)![1])
  return { proxy, port, file, readyLine, reload }
}

/** Runs to its end what can't start. */
async function ending(...args: string[]) {
  const proxy = new ProxyProcess(args)
  return { code: await proxy.exited, output: proxy.output, errors: proxy.errors }
}

const headers = { Host: 's3.test' }

/** The body of one GET on a kept-alive connection; rejects as the client would see it fail. */
function read(agent: Agent, port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent, port, host: '127.0.0.1', path: target, headers }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (piece: string) => {
        body += piece
      })
      response.on('end', () =>
        response.complete ? resolve(`${response.statusCode} ${body}`) : reject(new Error('cut')),
      )
      response.on('error', reject)
    }).on('error', reject)
  })
}

/** Clients that read one object after another until they are stopped or nobody listens any more. */
class Load {
  readonly answers = new Map<string, number>()
  readonly failures: string[] = []
  connections = 0
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 10 })
  readonly #port: number
  readonly #clients: Promise<void>[]
  #isStopped = false
  #count = 0
  #listeners: (() => void)[] = []

  constructor(port: number) {
    this.#port = port
    const { createConnection } = this.#agent
    this.#agent.createConnection = (...args) => {
      this.connections++
      return createConnection.apply(this.#agent, args)
    }
    this.#clients = Array.from({ length: 10 }, () => this.#client())
  }

  async #client(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const answer = await read(this.#agent, this.#port, `/b/${this.#count++}`)
        this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        if (code === 'ECONNREFUSED') return
        this.failures.push(code ?? message)
      }
      for (const listener of this.#listeners.splice(0)) listener()
    }
  }

  /** Waits for `more` answers beyond those so far. */
  async answered(more: number): Promise<void> {
    const all = () => [...this.answers.values()].reduce((sum, count) => sum + count, 0)
    const goal = all() + more
    while (all() < goal) await new Promise<void>((resolve) => this.#listeners.push(resolve))
  }

  /** Ends when every client has met a closed port. */
  async over(): Promise<void> {
    await Promise.all(this.#clients)
    this.#agent.destroy()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.over()
  }
}

for (const role of Object.keys(configs) as RoleName[]) {
  t.test(`${role}: says where it listens; SIGTERM under load loses no request`, async (t) => {
    const s3 = await upstream(t, 'one')
    const { port, proxy, readyLine } = await start(t, role, configs[role](s3.url, t.testdirName))
    t.match(
      readyLine,
      new RegExp(`^breakwater ${role} listening on 127\\.0\\.0\\.1:\\d+, admin on 127\\.0\\.0\\.1:\\d+$`),
    )
    t.equal(proxy.output.length, 1, 'one line')
    const load = new Load(port)
    await load.answered(50)
    proxy.child.kill('SIGTERM')
    await load.over()
    t.equal(await proxy.exited, 0)
    t.strictSame(load.failures, [])
    t.strictSame([...load.answers.keys()], ['200 oneone'])
  })

  t.test(
    `${role}: SIGHUP under load takes the new file and drops no connection; a bad file changes nothing`,
    async (t) => {
      const [one, two] = [await upstream(t, 'one'), await upstream(t, 'two')]
      const { port, proxy, reload } = await start(t, role, configs[role](one.url, t.testdirName))
      const load = new Load(port)
      await load.answered(30)
      const bad = configs[role](two.url, t.testdirName).replace('listen: 127.0.0.1:0', 'listen: nowhere')
      reload(`${bad}colour: red\n`)
      const line = await proxy.line('the old one stays in force')
      t.match(line, 'listen: expected an address')
      t.match(line, 'colour: there is no such setting')
      await load.answered(30)
      t.strictSame([...load.answers.keys()], ['200 oneone'], 'the old one answers')
      reload(configs[role](two.url, t.testdirName))
      await proxy.line('the new configuration is in force')
      await load.answered(30)
      await load.stop()
      t.strictSame([...load.answers.keys()], ['200 oneone', '200 twotwo'])
      t.strictSame(load.failures, [])
      t.equal(load.connections, 10, 'each client kept its connection')
    },
  )
}

t.test(
  'router: a reload leaves a body alone that is under way for longer than a drain may take',
  async (t) => {
    const slow = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': 8 })
      for (let at = 0; at < 8; at++) setTimeout(() => response.write('x'), at * 250)
    }).listen(0, '127.0.0.1')
    await once(slow, 'listening')
    t.teardown(() => slow.close())
    const text = `${configs.router(`http://127.0.0.1:${(slow.address() as AddressInfo).port}`)}drain: 100ms\n`
    const { port, proxy, reload } = await start(t, 'router', text)
    const agent = new Agent()
    const answer = read(agent, port, '/b/k')
    await once(slow, 'request')
    reload(text)
    await proxy.line('the new configuration is in force')
    t.equal(await answer, '200 xxxxxxxx')
  },
)

t.test('router: how long a drain may take is read again, too', async (t) => {
  const stuck = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': 8 }).write('x')
  }).listen(0, '127.0.0.1')
  await once(stuck, 'listening')
  t.teardown(() => {
    stuck.closeAllConnections()
    stuck.close()
  })
  const text = configs.router(`http://127.0.0.1:${(stuck.address() as AddressInfo).port}`)
  const patient = 'timeouts: { between_bytes: 100s }\n'
  const { port, proxy, reload } = await start(t, 'router', `${text}${patient}drain: 100s\n`)
  reload(`${text}${patient}drain: 10ms\n`)
  await proxy.line('the new configuration is in force')
  const answer = read(new Agent(), port, '/b/k').catch(({ code }) => code)
  await once(stuck, 'request')
  proxy.child.kill('SIGTERM')
  t.equal(await proxy.exited, 0)
  t.equal(await answer, 'ECONNRESET')
})

for (const role of ['router', 'cache'] as const) {
  t.test(`${role}: addresses are held across a reload while DNS is away`, async (t) => {
    const s3 = await upstream(t, 'one')
    const nameserver = await startNameserver({ 's3.test': ['127.0.0.1'] })
    t.teardown(() => nameserver.stop())
    const text = configs[role](`http://s3.test:${s3.port}`, t.testdirName)
    const { port, proxy, reload } = await start(t, role, `${text}nameservers: ['${nameserver.address}']\n`)
    const agent = new Agent()
    t.equal(await read(agent, port, '/b/1'), '200 oneone')
    nameserver.setAnswer('s3.test', { kind: 'nxdomain' })
    reload(`${text}nameservers: ['${nameserver.address}']\n`)
    await proxy.line('the new configuration is in force')
    t.equal(await read(agent, port, '/b/2'), '200 oneone')
  })
}

t.test('a port that is taken, or a mistake in the file: said in full, exit 254', async (t) => {
  const s3 = await upstream(t, 'one')
  const cache = configs.cache(s3.url, t.testdirName)
  const router = configs.router(s3.url)
  const taken = `127.0.0.1:${s3.port}`
  const isTaken = [/^Can't listen on 127\.0\.0\.1:\d+: the port is taken/]
  const mistakes = [
    /^.*bad\.yaml has 2 mistakes:$/,
    /^ {2}listen: expected an address such as 127\.0\.0\.1:8080, got "nowhere"$/,
    /^ {2}colour: there is no such setting$/,
  ]
  const noFile = [/^can't read the authority in none\.pem \(`ca`\): ENOENT$/]
  const noCertificate = [
    /^can't read the authority in .*main\.test\.ts \(`ca`\): it holds no certificate in PEM$/,
  ]
  const bad = (text: string) => `${text.replace('127.0.0.1:0', 'nowhere')}colour: red\n`
  const stories = [
    { role: 'cache', file: 'taken', text: cache.replace('127.0.0.1:0', taken), said: isTaken },
    { role: 'router', file: 'admin', text: router.replace("'127.0.0.1:0'", `'${taken}'`), said: isTaken },
    {
      role: 'cache',
      file: 'ca',
      text: cache.replace(s3.url, "https://s3.test', ca: 'none.pem"),
      said: noFile,
    },
    {
      role: 'router',
      file: 'no-certificate',
      text: router.replace(s3.url, `https://s3.test', ca: '${import.meta.filename}`),
      said: noCertificate,
    },
    { role: 'cache', file: 'cache-bad', text: bad(cache), said: mistakes },
    { role: 'router', file: 'router-bad', text: bad(router), said: mistakes },
  ]
  const texts = stories.map(({ file, text }) => [`${file}.yaml`, text.replace('/store', `/${file}`)])
  const dir = t.testdir(Object.fromEntries(texts))
  for (const { role, file, said } of stories) {
    const { code, output, errors } = await ending(role, '--config', `${dir}/${file}.yaml`)
    t.strictSame([code, output, errors.length], [254, [], said.length], file)
    t.match(errors, said, file)
  }
})

t.test('both: the cache in the same process fills from S3 and hits', async (t) => {
  const s3 = await upstream(t, 'one')
  const { port } = await start(t, 'both', configs.both(s3.url, t.testdirName))
  const ask = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/b/k`)
    const word = (name: string) => response.headers.get(name)
    return [response.status, await response.text(), word('x-cache-status'), word('x-backend')]
  }
  t.strictSame(await ask(), [200, 'oneone', 'MISS', 'cache'])
  t.strictSame(await ask(), [200, 'oneone', 'HIT', 'cache'])
})

t.test('a second cache on the same store is told so, exit 254; the first one goes on', async (t) => {
  const s3 = await upstream(t, 'one')
  const { port, file } = await start(t, 'cache', configs.cache(s3.url, t.testdirName))
  const { code, output, errors } = await ending('cache', '--config', file)
  t.strictSame([code, output, errors.length], [254, [], 1])
  t.match(errors[0], /another process uses it/)
  t.equal(await read(new Agent(), port, '/b/k'), '200 oneone')
})

t.test('a command line that means nothing: what is wrong and the usage, exit 254', async (t) => {
  const lines = [
    ['cash', '--config', 'x'],
    ['cache', '--colour', 'red'],
  ]
  for (const args of lines) {
    const { code, output, errors } = await ending(...args)
    t.strictSame([code, output], [254, []], args.join(' '))
    t.match(errors.at(-1), /^usage: node proxy\/main\.ts /, args.join(' '))
  }
})
