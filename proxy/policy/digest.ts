// Decides what the origin says a body's digest is. Pure.
import { type HeaderList, headerValue } from '../object.ts'

/** An algorithm's name in x-amz-checksum-*, or md5. */
export type StatedAlgorithm = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

export interface StatedDigest {
  readonly algorithm: StatedAlgorithm
  /** Base64. */
  readonly value: string
}

const checksums: readonly StatedAlgorithm[] = ['sha256', 'sha1', 'crc32', 'crc64nvme', 'crc32c']

/**
 * Every digest of the whole body that the head states, best first. An ETag is the MD5 only of single-part objects
 * that are not encrypted with a KMS or customer key; "hash-N" is not. A checksum of parts carries "-N" too.
 */
export function statedDigests(headers: HeaderList): StatedDigest[] {
  const stated: StatedDigest[] = []
  const composite = headerValue(headers, 'x-amz-checksum-type')?.toUpperCase() === 'COMPOSITE'
  for (const algorithm of checksums) {
    const value = headerValue(headers, `x-amz-checksum-${algorithm}`)
    if (value !== undefined && !composite && /^[A-Za-z0-9+/]+=*$/.test(value))
      stated.push({ algorithm, value })
  }
  const md5 = /^"([0-9a-f]{32})"$/.exec(headerValue(headers, 'etag') ?? '')
  if (md5 && etagIsDigest(headers)) stated.push({ algorithm: 'md5', value: hexToBase64(md5[1]!) })
  return stated
}

function etagIsDigest(headers: HeaderList): boolean {
  const encryption = headerValue(headers, 'x-amz-server-side-encryption')
  if (headerValue(headers, 'x-amz-server-side-encryption-customer-algorithm') !== undefined) return false
  return encryption === undefined || encryption === 'AES256'
}

function hexToBase64(hex: string): string {
  const bytes = hex.match(/../g)!.map((pair) => String.fromCharCode(Number.parseInt(pair, 16)))
  return btoa(bytes.join(''))
}
