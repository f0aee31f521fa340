// Where a body lies on disk and what it costs there. A body file is the body followed by one CRC-32 per block:
//
//   body (bodyBytes) | checksum of block 0 (4 bytes) | checksum of block 1 | …
//
// so that a small body is one read, checksum included, and a range needs only its blocks and their checksums.

/**
 * Bytes per checksum. 64 KiB is what a range request reads at least and what a slow reader holds; it costs 4 bytes
 * in 65,536 and one native CRC call (about 5 µs) a block.
 */
export const blockBytes = 65_536

/** Bodies up to this size lie in the index beside their headers, where a file would cost a block of 4 KiB. */
export const inlineBytes = 1024

/** File systems hand out space in such units; a directory takes at least one. */
export const allocationBytes = 4096

const slotsPerDirectory = 4096

/** What a record may make the index grow by: a page may hold one record of little more than half its size. */
const indexGrowth = 2
/** A slot in the ledger (40 bytes) and the directory's entry for the file (ext4: some 30 bytes, blocks half full). */
const slotOverheadBytes = 128

/** The length of a record whose metadata isn't known yet: S3's headers and a long key. */
export const typicalRecordBytes = 1536

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

/** What an entry's record occupies in the index. */
export function indexCharge(recordBytes: number): number {
  return recordBytes * indexGrowth + slotOverheadBytes
}

export function bodiesPath(root: string): string {
  return `${root}/bodies`
}

export function directoryPath(root: string, slot: number): string {
  return `${bodiesPath(root)}/${Math.floor(slot / slotsPerDirectory)}`
}

/** `serial` is never used twice, so a path never means two bodies. */
export function bodyPath(root: string, slot: number, serial: number): string {
  return `${directoryPath(root, slot)}/${slot}-${serial}`
}

/** The slot and serial in a body file's name; null for a name that is not ours. */
export function parseBodyName(name: string): { slot: number; serial: number } | null {
  const parts = /^(\d{1,10})-(\d{1,16})$/.exec(name)
  return parts === null ? null : { slot: Number(parts[1]), serial: Number(parts[2]) }
}

/** What a block's CRC starts from, so that a block found in the wrong file or place does not pass for the right one. */
export function checksumSeed(serial: number, block: number): number {
  return (Math.imul(serial, 0x9e3779b1) ^ Math.imul(block + 1, 0x85ebca6b)) >>> 0
}
