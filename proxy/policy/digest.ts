// Decides what the origin says a body's digest is. Pure.
import { type HeaderList, headerValue } from '../object.ts'

/** An algorithm's name in x-amz-checksum-*, or md5. */
export type StatedAlgorithm = 'md5' | 'sha1' | 'sha256' | 'crc32' | 'crc32c' | 'crc64nvme'

export interface StatedDigest {
  readonly algorithm: StatedAlgorithm
  /** Base64. */
  readonly value: string
}

/** Those that are computed natively first: the last one costs two to ten times as much. */
const byCost: readonly StatedAlgorithm[] = ['sha256', 'sha1', 'crc32', 'crc32c', 'md5', 'crc64nvme']

/** The digest of the whole body that the head states; the cheapest to compute where there are several, null without one. */
export function statedDigest(headers: HeaderList): StatedDigest | null {
  for (const algorithm of byCost) {
    const value = algorithm === 'md5' ? etagMd5(headers) : fullChecksum(headers, algorithm)
    if (value !== null) return { algorithm, value }
  }
  return null
}

/** Of a multipart object S3 may state a checksum of the parts' checksums: COMPOSITE, its value ending in "-N". */
function fullChecksum(headers: HeaderList, algorithm: StatedAlgorithm): string | null {
  const value = headerValue(headers, `x-amz-checksum-${algorithm}`)
  if (value === undefined || !/^[A-Za-z0-9+/]+=*$/.test(value)) return null
  return headerValue(headers, 'x-amz-checksum-type')?.toUpperCase() === 'COMPOSITE' ? null : value
}

/** An ETag is the MD5 only of single-part objects that are not encrypted with a KMS or customer key; "hash-N" is not. */
function etagMd5(headers: HeaderList): string | null {
  const md5 = /^"([0-9a-f]{32})"$/.exec(headerValue(headers, 'etag') ?? '')
  return md5 && etagIsDigest(headers) ? hexToBase64(md5[1]!) : null
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
