import { chmodSync, readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { UsageError } from '../errors.ts'
import { parseRunOptions } from './options.ts'
import { makeRunDirectory, removeRun } from './run-directory.ts'

const defaults = { speed: 240, ratePerSecond: 200, durationSeconds: 10_620 }
const parse = (...argv: string[]) => parseRunOptions('s3-outage', 'a story', defaults, argv)

t.test('the scenario brings the defaults', async (t) => {
  t.match(parse(), {
    system: 'reference',
    origin: 's3rver',
    toxiproxy: 'auto',
    seed: 1,
    ...defaults,
    quiet: false,
    live: false,
  })
})

t.test('flags override them, with units', async (t) => {
  t.match(parse('--speed', '1', '--duration', '3h', '--rate', '50', '--seed', '7', '--quiet', '--live'), {
    speed: 1,
    durationSeconds: 10_800,
    ratePerSecond: 50,
    seed: 7,
    quiet: true,
    live: true,
  })
})

t.test(
  'what S3 costs has a default, and what to compare with is the scenario’s affair unless it is said',
  async (t) => {
    t.match(parse(), { dollarsPerGb: 0.09, compareWith: null })
    t.match(parse('--price', '0.02', '--compare-with', 'direct'), {
      dollarsPerGb: 0.02,
      compareWith: 'direct',
    })
  },
)

t.test("the user's own configurations, by the file that each replaces", async (t) => {
  t.strictSame(parse().ownFiles, {})
  t.strictSame(parse('--nginx-conf', '/a/my.conf', '--haproxy-cfg', '/b/my.cfg').ownFiles, {
    'nginx.conf': '/a/my.conf',
    'haproxy.cfg': '/b/my.cfg',
  })
})

t.test('every mistake is one line that says what was expected', async (t) => {
  const cases: [string[], RegExp][] = [
    [['--sped', '1'], /unknown option '--sped'/],
    [['--speed', 'fast'], /--speed.*'fast' is invalid\. Expected a positive number/],
    [['--speed', '0'], /positive number/],
    [['--duration', '3 hours'], /Expected a duration such as 3h/],
    [['--duration', '0s'], /Expected a duration/],
    [['--seed', '1.5'], /whole number/],
    [['--rate'], /argument missing/],
    [['--price', '-1'], /--price.*positive number/],
    [['--compare-with'], /argument missing/],
    [['--origin', 'ftp://x/y'], /expected s3rver, synthetic or https:/],
    [['--origin', 'https://host'], /expected s3rver, synthetic or https:/],
    [
      ['--origin', 'breakwater-origin'],
      /got "breakwater-origin", where no `npx breakwater origin` runs either/,
    ],
    [['extra'], /too many arguments/],
    [['--dataset', '/does/not/exist'], /--dataset: there is no folder/],
  ]
  for (const [argv, message] of cases) {
    t.throws(() => parse(...argv), { name: 'UsageError', message }, argv.join(' '))
  }
})

t.test('a length is refused where nothing has one, as what the scenario has none of', async (t) => {
  const parse = (...argv: string[]) =>
    parseRunOptions('herd', 'a story', { ...defaults, durationSeconds: null }, argv)
  t.ok(parse('--rate', '5'))
  for (const argv of [['--duration', '3h'], ['--duration=3h']]) {
    t.throws(() => parse(...argv), { name: 'NotApplicable', lacks: 'length to set' })
  }
})

t.test('a folder that can not be written is said before anything starts', async (t) => {
  const file = path.join(t.testdir({ file: 'not a folder' }), 'file')
  const options = parse('--out', path.join(file, 'run'))
  t.throws(() => makeRunDirectory(options, 's3-outage', new Date()), UsageError)
  t.throws(() => makeRunDirectory(parse('--out', '/proc/run'), 's3-outage', new Date()), UsageError)
  if (process.getuid?.() === 0) return
  const sealed = t.testdir({})
  chmodSync(sealed, 0o500)
  t.throws(
    () => makeRunDirectory(parse('--out', path.join(sealed, 'run')), 's3-outage', new Date()),
    UsageError,
  )
})

t.test('a folder that holds something is left as it is', async (t) => {
  const dir = t.testdir({ mine: 'work of an evening' })
  t.throws(() => makeRunDirectory(parse('--out', dir), 's3-outage', new Date()), {
    name: 'UsageError',
    message: /holds something other than a run and is left as it is; give another --out/,
  })
  t.strictSame(readdirSync(dir), ['mine'])
  const empty = t.testdir({})
  t.equal(makeRunDirectory(parse('--out', empty), 's3-outage', new Date()), empty)
})

t.test(
  'an earlier run in the folder is replaced, and what lies beside it stays, also when the run is refused',
  async (t) => {
    const dir = t.testdir({
      'history.ndjson.gz': 'old',
      'results.json': 'old',
      logs: { 'cache.log': 'old' },
      mine: 'work of an evening',
    })
    makeRunDirectory(parse('--out', dir), 's3-outage', new Date())
    t.strictSame(readdirSync(dir), ['logs', 'mine'])
    t.strictSame(readdirSync(path.join(dir, 'logs')), [])
    removeRun(dir)
    t.strictSame(readdirSync(dir), ['mine'])
  },
)
