// S3's ListObjects, versions 1 and 2, over whatever can name and describe its objects.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html and API_ListObjects.html
import { escapeXml, S3Refusal } from './s3-error.ts'
import type { S3Answer } from './s3-request.ts'

export interface ListedObject {
  readonly bytes: number
  /** With its quotes. */
  readonly etag: string
  readonly lastModifiedMs: number
}

export interface Listable {
  /** Every key, in any order. */
  readonly keys: readonly string[]
  /** Null when the object is gone by now. */
  describe(key: string): Promise<ListedObject | null>
}

const maxPageKeys = 1000

interface Page {
  /** Objects and common prefixes together, in order, at most max-keys of them. */
  readonly entries: readonly { readonly name: string; readonly isPrefix: boolean }[]
  readonly truncated: boolean
}

export async function listObjects(
  bucket: string,
  query: ReadonlyMap<string, string>,
  store: Listable,
): Promise<S3Answer> {
  const isV2 = query.get('list-type') === '2'
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = parseMaxKeys(query.get('max-keys'))
  const after = isV2 ? startOf(query) : (query.get('marker') ?? '')
  const page = pageOf(store.keys, prefix, delimiter, after, maxKeys)
  const last = page.entries.at(-1)?.name ?? ''
  const text = query.get('encoding-type') === 'url' ? encodeListed : escapeXml

  const objects = page.entries.filter((entry) => !entry.isPrefix)
  const described = await Promise.all(objects.map(({ name }) => store.describe(name)))
  const contents = objects.map(({ name }, i) => contentsXml(text(name), described[i] ?? null)).join('')
  const prefixes = page.entries
    .filter((entry) => entry.isPrefix)
    .map(({ name }) => `<CommonPrefixes><Prefix>${text(name)}</Prefix></CommonPrefixes>`)
    .join('')
  const paging = isV2
    ? tag('KeyCount', String(page.entries.length)) +
      optional('StartAfter', query.get('start-after'), text) +
      optional('ContinuationToken', query.get('continuation-token'), escapeXml) +
      (page.truncated ? tag('NextContinuationToken', Buffer.from(last).toString('base64url')) : '')
    : tag('Marker', text(after)) + (page.truncated && delimiter ? tag('NextMarker', text(last)) : '')
  return xmlAnswer(
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
      tag('Name', escapeXml(bucket)) +
      tag('Prefix', text(prefix)) +
      tag('MaxKeys', String(maxKeys)) +
      optional('Delimiter', delimiter || undefined, text) +
      optional('EncodingType', query.get('encoding-type'), escapeXml) +
      tag('IsTruncated', String(page.truncated)) +
      `${paging}${contents}${prefixes}</ListBucketResult>`,
  )
}

function parseMaxKeys(text: string | undefined): number {
  if (text === undefined || text === '') return maxPageKeys
  if (!/^\d{1,10}$/.test(text)) throw new S3Refusal('InvalidArgument', 'max-keys must be a whole number')
  return Math.min(Number(text), maxPageKeys)
}

function startOf(query: ReadonlyMap<string, string>): string {
  const token = query.get('continuation-token')
  return token === undefined ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString()
}

/** The page of names after `after`; keys that share a prefix up to the delimiter count as one. */
function pageOf(
  keys: readonly string[],
  prefix: string,
  delimiter: string,
  after: string,
  maxKeys: number,
): Page {
  const names = new Map<string, { name: string; isPrefix: boolean }>()
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const name = end < 0 ? key : key.slice(0, end + delimiter.length)
    const isAfter = after === '' || compareUtf8(name, after) > 0
    if (isAfter) names.set(name, { name, isPrefix: end >= 0 })
  }
  const sorted = [...names.values()].sort((a, b) => compareUtf8(a.name, b.name))
  return { entries: sorted.slice(0, maxKeys), truncated: maxKeys > 0 && sorted.length > maxKeys }
}

/** S3 sorts by the bytes of UTF-8, which isn't the order of JavaScript's strings above U+FFFF. */
function compareUtf8(a: string, b: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is for pure ASCII
  const ascii = /^[\x00-\x7f]*$/
  if (ascii.test(a) && ascii.test(b)) return a < b ? -1 : a > b ? 1 : 0
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function contentsXml(name: string, object: ListedObject | null): string {
  if (object === null) return ''
  return (
    `<Contents><Key>${name}</Key><LastModified>${new Date(object.lastModifiedMs).toISOString()}</LastModified>` +
    `<ETag>${escapeXml(object.etag)}</ETag><Size>${object.bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  )
}

function tag(name: string, content: string): string {
  return `<${name}>${content}</${name}>`
}

function optional(name: string, value: string | undefined, text: (value: string) => string): string {
  return value === undefined ? '' : tag(name, text(value))
}

/** encoding-type=url: as in a form, with slashes left alone. */
function encodeListed(name: string): string {
  return encodeURIComponent(name).replaceAll('%2F', '/').replaceAll('%20', '+')
}

export function xmlAnswer(xml: string): S3Answer {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`)
  return {
    status: 200,
    headers: ['Content-Type', 'application/xml', 'Content-Length', String(body.length)],
    body,
  }
}
