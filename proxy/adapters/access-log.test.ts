import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { AccessRecord } from '../ports.ts'
import { memoryLog } from '../testing/requests.ts'
import { openAccessLog } from './access-log.ts'

function record(number: number): AccessRecord {
  return {
    atMs: 1_700_000_000_000 + number,
    method: 'GET',
    bucket: 'artifacts',
    key: `maps/"${number}"\n.map`,
    status: 200,
    bytes: 4096,
    objectBytes: 4096,
    cacheStatus: 'HIT',
    reason: 'fresh',
    backend: 'none',
    upstreamBytes: 0,
    upstreamMs: null,
    range: null,
    etag: '"abc"',
  }
}

function linesOf(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8')
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
}

t.test('every record becomes one line of JSON, whatever the key holds, and closing loses none', async (t) => {
  const file = join(t.testdir(), 'access.log')
  const accessLog = openAccessLog(file, memoryLog())
  for (let i = 0; i < 1000; i++) accessLog.record(record(i))
  await accessLog.close()
  t.same(
    linesOf(file),
    Array.from({ length: 1000 }, (_, i) => record(i)),
  )
})

t.test('a file that is there is continued', async (t) => {
  const file = join(t.testdir({ 'access.log': '{"atMs":1}\n' }), 'access.log')
  const accessLog = openAccessLog(file, memoryLog())
  accessLog.record(record(1))
  await accessLog.close()
  t.equal(linesOf(file).length, 2)
})

t.test('lines that nobody has written yet are bounded; what is dropped is counted', async (t) => {
  const file = join(t.testdir(), 'access.log')
  const accessLog = openAccessLog(file, memoryLog())
  for (let i = 0; i < 50_007; i++) accessLog.record(record(i))
  await accessLog.close()
  const lines = linesOf(file)
  t.equal(lines.length, 50_001)
  t.same(lines.at(-1), { dropped: 7 })
})

t.test(
  'a file that can not be written costs no request; the log says so once; it goes on when it can',
  async (t) => {
    const log = memoryLog()
    const dir = t.testdir()
    const file = join(dir, 'later', 'access.log')
    const accessLog = openAccessLog(file, log)
    accessLog.record(record(1))
    await until(() => log.lines.length > 0)
    t.match(log.lines, [{ level: 'error', fields: { because: /ENOENT/ } }])
    mkdirSync(join(dir, 'later'))
    accessLog.record(record(2))
    await until(() => existsSync(file))
    await accessLog.close()
    const lines = linesOf(file)
    t.match(
      lines.filter((line) => 'key' in line),
      [record(1), record(2)],
    )
    t.equal(log.lines.length, 1)
  },
)

t.test('closing a log that can not be written ends', async (t) => {
  const log = memoryLog()
  const accessLog = openAccessLog(join(t.testdir(), 'missing', 'access.log'), log)
  accessLog.record(record(1))
  await accessLog.close()
  t.match(log.lines, [{ level: 'error' }])
})

/** Bounded by the test's own timeout. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}
