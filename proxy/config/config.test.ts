import { readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { authorisationOptions } from './authorisation-config.ts'
import { bothSchema, withLocalCache } from './both-config.ts'
import { cacheOptions, cacheSchema, diskOptions, originOptions } from './cache-config.ts'
import { readConfig, secretFrom } from './file.ts'
import { routerOptions, routerSchema } from './router-config.ts'
import { nameserver } from './units.ts'

const examples = path.join(import.meta.dirname, '..', 'examples')
const example = (name: string) => path.join(examples, name)
const day = 86_400_000

t.test('every example loads', async (t) => {
  const names = readdirSync(examples).filter((name) => name.endsWith('.yaml'))
  t.ok(names.length >= 5)
  for (const name of names) {
    if (name.endsWith('-cache.yaml')) {
      const file = readConfig(example(name), cacheSchema)
      t.equal(originOptions(file)[0]!.url.startsWith('https://'), true, `${name}: the origin is verified`)
      t.ok(cacheOptions(file).valid.length > 0, name)
    } else if (name.endsWith('-router.yaml')) {
      t.ok(routerOptions(readConfig(example(name), routerSchema)).servers.length > 1, name)
    } else if (name === 'both.yaml') {
      const { router } = readConfig(example(name), bothSchema)
      t.match(routerOptions(withLocalCache(router)).servers, [
        { name: 'cache', backup: false },
        { name: 's3' },
      ])
    } else t.fail(`${name}: an example of which role?`)
  }
})

t.test("the original deployment's cache: 750 GB for 30 days, stale on whatever goes wrong", async (t) => {
  const file = readConfig(example('original-cache.yaml'), cacheSchema)
  t.match(diskOptions(file), { maxBytes: 750 * 1024 ** 3, inactiveMs: 30 * day })
  t.match(originOptions(file), [{ url: 'https://s3.amazonaws.com', ca: null, serverName: null }])
  t.equal(file.hold_valid, 300_000)
  t.strictSame(cacheOptions(file).valid, [{ prefix: '', status: 200, timeMs: 30 * day }])
  t.match(cacheOptions(file).useStale, ['error', 'timeout', 'invalid_header', 'updating', 'http_500'])
  t.equal(authorisationOptions(file.authorisation).mode, 'network')
})

t.test(
  "the original deployment's router: checks each 500 ms, rise 2, fall 3, S3 itself as backup",
  async (t) => {
    const file = readConfig(example('original-router.yaml'), routerSchema)
    t.equal(file.hold_valid, 300_000)
    const [cache, s3] = routerOptions(file).servers
    t.match(cache, { name: 'cache', backup: false, check: { interMs: 500, rise: 2, fall: 3 } })
    t.match(s3, { name: 's3', url: 'https://s3.amazonaws.com', backup: true, ca: null, check: { fall: 3 } })
  },
)

t.test('keys without a mode verify, neither revalidates; no mode is never `network`', async (t) => {
  const minimal = readConfig(example('minimal-cache.yaml'), cacheSchema)
  t.equal(cacheOptions(minimal).authorisation.mode, 'revalidate')
  const keys = "  keys: [{ access_key: A, secret_key: 's' }]"
  const file = t.testdir({
    'keys.yaml': `listen: ':0'\norigin: { url: http://s3 }\nstore: { path: s, max_size: 1g }\nauthorisation:\n${keys}`,
  })
  t.equal(cacheOptions(readConfig(`${file}/keys.yaml`, cacheSchema)).authorisation.mode, 'verify')
})

/** The lines of the message, without the one that names the file. */
function mistakesOf(read: () => unknown): string[] {
  try {
    read()
  } catch (error) {
    const { message, code, source } = error as Error & { code: string; source: string }
    t.match({ code, source }, { code: 'config-invalid', source: 'config' })
    return message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}

t.test('a bad cache file: every mistake with its path', async (t) => {
  const bad = `
listen: 8080x
origin: { url: s3.amazonaws.com, connect_timeout: soon, ports: 3 }
store: { max_size: big, inactive: 30d, min_uses: 0 }
freshness: { valid: [{ time: 30d }, { prefix: a/, status: [700], time: 1h }] }
use_stale: [error, sometimes]
authorisation: { mode: verify, keys: [] }
colour: red
`
  const dir = t.testdir({ 'bad.yaml': bad })
  const lines = mistakesOf(() => readConfig(`${dir}/bad.yaml`, cacheSchema))
  const places = [
    'listen: expected an address such as 127.0.0.1:8080, got "8080x"',
    'origin.url: expected a URL such as https://s3.example.com, without a path',
    'origin.connect_timeout: expected a duration such as 500ms, 30s, 1h or 30d, got "soon"',
    'origin.ports: there is no such setting',
    'store.path: is missing',
    'store.max_size: expected a size such as 64k, 2m or 750g, got "big"',
    'store.min_uses: ',
    'freshness.valid[1].status[0]: ',
    'use_stale[1]: ',
    'authorisation: mode verify needs keys',
    'colour: there is no such setting',
  ]
  for (const place of places)
    t.ok(
      lines.some((line) => line.startsWith(place)),
      place,
    )
  t.equal(lines.length, places.length, lines.join('\n'))
})

t.test('a bad router file: every mistake with its path', async (t) => {
  const bad = `
nameservers: [dns.test, 127.0.0.1]
servers:
  - { name: 'a b', url: 'http://127.0.0.1:1/path' }
  - { name: s3, backup: perhaps, check: { rise: 0 } }
retry: { budget_ratio: 2 }
`
  const dir = t.testdir({ 'bad.yaml': bad })
  const lines = mistakesOf(() => readConfig(`${dir}/bad.yaml`, routerSchema))
  const places = [
    'listen: is missing',
    'nameservers[0]: expected the address of a nameserver',
    'servers[0].name: use letters, digits, dots and dashes',
    'servers[0].url: expected a URL',
    'servers[1].url: is missing',
    'servers[1].backup: ',
    'servers[1].check',
    'retry.budget_ratio: ',
  ]
  for (const place of places)
    t.ok(
      lines.some((line) => line.startsWith(place)),
      place,
    )
  t.equal(lines.length, places.length, lines.join('\n'))
})

t.test('a bad file of both: paths begin with the section', async (t) => {
  const bad = `
cache: { listen: ':1', origin: { url: https://s3 }, store: { path: s, max_size: 1g } }
router: { listen: ':0', servers: [{ name: cache, url: https://s3 }] }
`
  const dir = t.testdir({ 'bad.yaml': bad })
  const lines = mistakesOf(() => readConfig(`${dir}/bad.yaml`, bothSchema))
  t.match(lines, [
    'cache.listen: there is no such setting',
    /^router\.servers: `cache` is the name of the cache/,
  ])
})

t.test('what is no configuration at all is said in one line', async (t) => {
  const dir = t.testdir({
    'text.yaml': 'just words',
    'broken.yaml': 'a: [1, 2',
    'empty.yaml': '',
    'twice.yaml': 'a: 1\na: 2',
  })
  const message = (name: string, more = '') => {
    try {
      readConfig(`${dir}/${name}`, routerSchema)
      return `no error${more}`
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(message('none.yaml'), /^can't read .*none\.yaml: ENOENT$/)
  t.match(message('text.yaml'), /\(top\): /)
  t.match(message('broken.yaml'), /broken\.yaml has /)
  t.match(message('twice.yaml'), /keys must be unique/i)
  t.match(message('empty.yaml'), /listen: is missing\n {2}servers: is missing/)
})

t.test('a nameserver is an address; a name could not be asked for', (t) => {
  const good = ['127.0.0.1', '127.0.0.1:5353', '::1', '[::1]:5353', '[::1]']
  const bad = ['foo', 'localhost:53', '127.0.0.1:99999', '1.2.3', '', '[::1', '127.0.0.1:']
  for (const value of good) t.equal(nameserver.safeParse(value).success, true, value)
  for (const value of bad) t.equal(nameserver.safeParse(value).success, false, value)
  t.end()
})

t.test('a file that should hold a secret and is empty opens nothing to anybody', (t) => {
  const dir = t.testdir({ good: 'open sesame\n', empty: '\n' })
  t.equal(secretFrom(`${dir}/good`), 'open sesame')
  t.throws(() => secretFrom(`${dir}/empty`), {
    code: 'config-invalid',
    message: /empty is empty, and should/,
  })
  t.end()
})
