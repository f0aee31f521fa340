// Decides which objects a write may change, so that nothing stored contradicts it. Pure.
import type { ObjectName } from './key.ts'

/** Longest DeleteObjects body that is read along: 1000 keys of 1024 bytes, escaped, with their XML around them. */
export const maxDeleteBytes = 8 * 1024 * 1024

/**
 * Whether a request changes the object it names. Uploading or aborting a part changes nothing that can be read;
 * completing an upload (POST), copying onto it, its ACL and its tags do.
 */
export function changesObject(method: string, target: string): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return false
  return method === 'POST' || !/[?&]uploadId=/.test(target)
}

/** POST /bucket?delete names its objects in the body. */
export function isMultiDelete(method: string, target: string, name: ObjectName | null): name is ObjectName {
  return (
    method === 'POST' && name !== null && name.objectKey === '' && /\?(?:.*&)?delete(?:[=&]|$)/.test(target)
  )
}

/**
 * The keys in a DeleteObjects document, in the key's URI encoding. What isn't one yields none: S3 refuses it whole.
 * A body of framed chunks (aws-chunked) is read through its framing.
 */
export function keysInDelete(document: Uint8Array, framed: boolean): string[] {
  const xml = new TextDecoder().decode(framed ? unframed(document) : document)
  const keys: string[] = []
  for (const [, text] of xml.matchAll(/<(?:\w+:)?Key(?:\s[^>]*)?>([\s\S]*?)<\/(?:\w+:)?Key\s*>/g)) {
    keys.push(uriEncoded(textOf(text!)))
  }
  return keys
}

/** hex-length[;extension] CRLF bytes CRLF … 0 CRLF trailers */
function unframed(body: Uint8Array): Uint8Array {
  const pieces: number[] = []
  const latin1 = new TextDecoder('latin1').decode(body)
  for (let at = 0; at < body.length; ) {
    const lineEnd = latin1.indexOf('\r\n', at)
    const length = Number.parseInt(latin1.slice(at, lineEnd), 16)
    if (lineEnd < 0 || !(length > 0)) break
    for (const byte of body.subarray(lineEnd + 2, lineEnd + 2 + length)) pieces.push(byte)
    at = lineEnd + 2 + length + 2
  }
  return Uint8Array.from(pieces)
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function textOf(xml: string): string {
  const cdata = /^\s*<!\[CDATA\[([\s\S]*?)\]\]>\s*$/.exec(xml)
  if (cdata) return cdata[1]!
  return xml.replace(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return named[name] ?? whole
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole
    },
  )
}

function uriEncoded(key: string): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
    )
  return key.toWellFormed().split('/').map(encode).join('/')
}

/** Every spelling under which an object may be stored: S3 and its clones disagree on what "+" in a path means. */
export function spellings(base: string): string[] {
  if (!/\+|%2B|%20/.test(base)) return [base]
  const plus = base.replaceAll('%2B', '+')
  const variants = [
    base,
    plus,
    base.replaceAll('%20', '+'),
    plus.replaceAll('%20', '+'),
    base.replaceAll('+', '%20'),
    base.replaceAll('+', '%2B'),
    plus.replaceAll('+', '%20'),
  ]
  return [...new Set(variants)]
}
