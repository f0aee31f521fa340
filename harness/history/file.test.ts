import { once } from 'node:events'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { spawnTiedAloud } from '../../proxy/testing/tied-process.ts'
import type { HistoryLine } from './events.ts'
import { readHistory } from './reader.ts'
import { soundHistory } from './testing.ts'
import { openHistory } from './writer.ts'

async function all(path: string): Promise<HistoryLine[]> {
  const lines: HistoryLine[] = []
  for await (const line of readHistory(path)) lines.push(line)
  return lines
}

async function written(path: string, lines: readonly HistoryLine[]): Promise<string> {
  const history = openHistory(path)
  for (const line of lines) history.write(line)
  await history.close()
  return path
}

t.test('what is written is read, in order', async (t) => {
  const lines = soundHistory()
  t.same(await all(await written(`${t.testdir()}/h.gz`, lines)), lines)
})

/** Random letters, so that compression doesn't make the file too small to cut. */
const manyLines = (count: number): HistoryLine[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'doubt', atMs: i, reason: `${i} ${crypto.randomUUID()}` }))

t.test('a cut history gives its beginning and a doubt', async (t) => {
  const lines = manyLines(2000)
  const path = await written(`${t.testdir()}/h.gz`, lines)
  truncateSync(path, readFileSync(path).length >> 1)
  const read = await all(path)
  t.ok(read.length > 100 && read.length < 2000, `${read.length} lines`)
  const sound = read.filter((line) => line.type === 'doubt' && !line.reason.includes('history'))
  t.same(sound, lines.slice(0, sound.length))
  t.match(read.at(-1), { type: 'doubt', reason: /breaks off after line \d+: unexpected end of file/ })
})

t.test('a flipped byte in the middle is noticed', async (t) => {
  const path = await written(`${t.testdir()}/h.gz`, manyLines(2000))
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1]! ^= 0xff
  writeFileSync(path, bytes)
  t.match((await all(path)).at(-1), { type: 'doubt', reason: /breaks off|can't be read/ })
})

t.test('an empty file is a doubt, an absent one an error', async (t) => {
  const dir = t.testdir({ 'empty.gz': '' })
  t.match(await all(`${dir}/empty.gz`), [{ type: 'doubt', reason: /breaks off after line 0/ }])
  await t.rejects(all(`${dir}/absent.gz`), { code: 'ENOENT' })
})

t.test('a line that is none becomes a doubt, the others stay', async (t) => {
  const dir = t.testdir()
  writeFileSync(
    `${dir}/h.gz`,
    gzipSync(
      '{"type":"end","atMs":5,"interrupted":false}\n{"type":\n[]\n{"type":"end","atMs":6,"interrupted":false}\n',
    ),
  )
  const read = await all(`${dir}/h.gz`)
  t.same(
    read.map((line) => line.type),
    ['end', 'doubt', 'doubt', 'end'],
  )
  t.match(read[1], { atMs: 5, reason: /line 2 of the history can't be read/ })
})

t.test('a run killed with SIGKILL leaves what was written a second before', async (t) => {
  const path = `${t.testdir()}/h.gz`
  const script = `
    import { openHistory } from ${JSON.stringify(new URL('./writer.ts', import.meta.url).href)}
    const history = openHistory(${JSON.stringify(path)})
    for (let i = 0; i < 500; i++) history.write({ type: 'doubt', atMs: i, reason: 'r' + i })
    setTimeout(() => console.log('flushed'), 1500)
    setInterval(() => {}, 1000)`
  const child = spawnTiedAloud(['--input-type=module', '-e', script])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const read = await all(path)
  t.equal(read.length, 501)
  t.match(read.at(-1), { reason: /breaks off after line 500/ })
})

t.test('what can not be written is said at the end, with the path', async (t) => {
  let heard = ''
  const history = openHistory(`${t.testdir()}/absent/h.gz`, ({ message }) => {
    heard = message
  })
  history.write({ type: 'end', atMs: 0, interrupted: false })
  await t.rejects(history.close(), { name: 'CannotWrite', message: /the history to .*absent.h\.gz: ENOENT/ })
  t.match(heard, /ENOENT/, 'it is said at once, not only at the end')
})
