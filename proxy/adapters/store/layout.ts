// Where a body lies on disk and what it costs there. A body file is the body followed by one CRC-32 per block:
//
//   body (bodyBytes) | checksum of block 0 (4 bytes) | checksum of block 1 | …
//
// so that a small body is one read, checksum included, and a range needs only its blocks and their checksums.

/**
 * Bytes per checksum. 64 KiB is what a range request reads at least and what a slow reader holds; it costs 4 bytes
 * in 65,536 and one native CRC call (about 14 µs) a block. Larger blocks measured no faster.
 */
export const blockBytes = 65_536

/** Bodies up to this size lie in the index beside their headers, where a file would cost a block of 4 KiB. */
export const inlineBytes = 1024

/** File systems hand out space in such units. */
const allocationBytes = 4096

const indexGrowth = 2.5
/** Slot in the ledger (40 bytes, twice) and a directory's entry for the file (ext4: 24 bytes, blocks half full). */
const slotOverheadBytes = 128

const slotsPerDirectory = 4096

export function blockCount(bodyBytes: number): number {
  return Math.ceil(bodyBytes / blockBytes)
}

/** Length of the file that holds a body. */
export function fileBytes(bodyBytes: number): number {
  return bodyBytes + 4 * blockCount(bodyBytes)
}

/** What a body's file occupies; small bodies need none. */
export function fileCharge(bodyBytes: number): number {
  if (bodyBytes <= inlineBytes) return 0
  return Math.ceil(fileBytes(bodyBytes) / allocationBytes) * allocationBytes
}

/**
 * What an entry's record may make the index grow by: LMDB's pages are half empty at worst after random changes, and
 * the ledger's page and the file's directory entry come on top. Measured at 1.6 to 2.2 times the record's length.
 */
export function indexCharge(recordBytes: number): number {
  return recordBytes * indexGrowth + slotOverheadBytes
}

/** The length of a record whose metadata isn't known yet: S3's headers and a long key. */
export const typicalRecordBytes = 1536

export function bodiesPath(root: string): string {
  return `${root}/bodies`
}

/** `serial` is never used twice, so a path never means two bodies. */
export function bodyPath(root: string, slot: number, serial: number): string {
  return `${bodiesPath(root)}/${Math.floor(slot / slotsPerDirectory)}/${slot}-${serial}`
}

/** What a block's CRC starts from, so that a block found in the wrong file or place does not pass for the right one. */
export function checksumSeed(serial: number, block: number): number {
  return (Math.imul(serial, 0x9e3779b1) ^ Math.imul(block + 1, 0x85ebca6b)) >>> 0
}
