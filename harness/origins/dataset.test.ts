import t from 'tap'
import { defaultDataset, userDataset } from './dataset.ts'

t.test(
  'the default data set is real files of very different sizes, chosen the same way every time',
  async (t) => {
    const files = await defaultDataset()
    t.same(await defaultDataset(), files)
    const sizes = files.map(({ bytes }) => bytes).sort((a, b) => a - b)
    t.ok(files.length > 1000, `${files.length} objects`)
    t.ok(sizes[0]! < 200 && sizes.at(-1)! > 15 * 2 ** 20, `${sizes[0]} to ${sizes.at(-1)} bytes`)
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20
    t.ok(total > 50 && total < 200, `${Math.round(total)} MiB in all`)
    t.equal(new Set(files.map(({ key }) => key)).size, files.length, 'no key twice')
    const share = (isCounted: (file: (typeof files)[number]) => boolean) =>
      files.filter(isCounted).length / files.length
    t.ok(Math.abs(share(({ role }) => role === 'never-read') - 0.2) < 0.01)
    t.ok(Math.abs(share(({ key }) => key.startsWith('releases/')) - 0.3) < 0.01)
    t.ok(files.every(({ key, role }) => role === 'known' || !key.startsWith('releases/')))
  },
)

t.test('the user’s own files are all taken, with at least one to read and one never to read', async (t) => {
  const dir = t.testdir({ a: '1', empty: '', sub: { b: '22', 'c d': '333' } })
  t.match(await userDataset(dir), [
    { key: 'artifacts/a', role: 'known', bytes: 1 },
    { key: 'artifacts/sub/b', role: 'never-read', bytes: 2 },
    { key: 'releases/sub/c d', role: 'known', bytes: 3 },
  ])
})

t.test('a folder that can’t be used is refused with one line', async (t) => {
  await t.rejects(userDataset(t.testdir({})), /--dataset .* holds 0 files: at least two/)
  await t.rejects(userDataset('/no/such/folder'), /can't read --dataset: ENOENT/)
  await t.rejects(defaultDataset('/no/such/folder'), /npm ci/)
})
