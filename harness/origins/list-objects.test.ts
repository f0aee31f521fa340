import { XMLParser } from 'fast-xml-parser'
import t from 'tap'
import { type Listable, listObjects } from './list-objects.ts'

const parser = new XMLParser({
  isArray: (name) => name === 'Contents' || name === 'CommonPrefixes',
  parseTagValue: false,
})

interface Listing {
  Contents?: { Key: string; Size: string }[]
  CommonPrefixes?: { Prefix: string }[]
  IsTruncated: string
  NextContinuationToken?: string
  NextMarker?: string
  KeyCount?: string
}

function store(keys: readonly string[]): Listable {
  return { keys, describe: async () => ({ bytes: 7, etag: '"e"', lastModifiedMs: 0 }) }
}

async function list(keys: readonly string[], query: Record<string, string>): Promise<Listing> {
  const { body } = await listObjects('bucket', new Map(Object.entries(query)), store(keys))
  return parser.parse(Buffer.from(body as Uint8Array).toString()).ListBucketResult
}

const names = ({ Contents = [] }: Listing) => Contents.map(({ Key }) => Key)
const prefixes = ({ CommonPrefixes = [] }: Listing) => CommonPrefixes.map(({ Prefix }) => Prefix)

t.test('keys come in the order of their UTF-8 bytes, not of folders', async (t) => {
  const keys = ['a/b', 'a-b', 'a', '\u{1F600}', '\uFFEE', 'B']
  t.same(names(await list(keys, { 'list-type': '2' })), ['B', 'a', 'a-b', 'a/b', '\uFFEE', '\u{1F600}'])
})

t.test('prefix and delimiter fold keys into common prefixes, which count towards max-keys', async (t) => {
  const keys = ['p/a', 'p/b/1', 'p/b/2', 'p/c', 'q']
  const all = await list(keys, { 'list-type': '2', prefix: 'p/', delimiter: '/' })
  t.same([names(all), prefixes(all), all.KeyCount], [['p/a', 'p/c'], ['p/b/'], '3'])
  const first = await list(keys, { 'list-type': '2', prefix: 'p/', delimiter: '/', 'max-keys': '2' })
  t.same([names(first), prefixes(first), first.IsTruncated], [['p/a'], ['p/b/'], 'true'])
})

t.test('following tokens or markers gives every key once, whatever the page', async (t) => {
  const keys = Array.from({ length: 25 }, (_, i) => `k/${i}/${i % 3}`)
  for (const max of ['1', '7', '25', '1000']) {
    const seen: string[] = []
    let token: string | undefined
    do {
      const page = await list(keys, {
        'list-type': '2',
        'max-keys': max,
        ...(token && { 'continuation-token': token }),
      })
      seen.push(...names(page))
      token = page.NextContinuationToken
    } while (token !== undefined)
    t.same(seen, keys.toSorted(), `version 2, ${max} a page`)
  }
  const page = await list(keys, { delimiter: '/', prefix: 'k/', 'max-keys': '2' })
  t.same(prefixes(page), ['k/0/', 'k/1/'])
  const rest = await list(keys, { delimiter: '/', prefix: 'k/', marker: page.NextMarker! })
  t.equal(prefixes(page).length + prefixes(rest).length, 25, 'version 1')
})

t.test('names are escaped as asked', async (t) => {
  const keys = ['a&<b> c']
  t.same(names(await list(keys, {})), ['a&<b> c'])
  t.same(names(await list(keys, { 'encoding-type': 'url' })), ['a%26%3Cb%3E+c'])
})

t.test('a max-keys that is no number is refused', async (t) => {
  await t.rejects(list([], { 'max-keys': '-1' }), { code: 'InvalidArgument' })
})
