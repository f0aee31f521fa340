// Faults of a cache's disk: those that its store plays itself when a control file says so, and bits flipped in what any
// cache has stored.
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { DiskFault } from '../../proxy/adapters/store/disk-faults.ts'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/**
 * The store that reads `controlFile` meets this fault in every operation it concerns. It counts them into
 * `controlFile`.touched; a store that doesn't read the file leaves no count, and the fault has touched nothing.
 */
export function diskFails(part: string, controlFile: string, fault: DiskFault): Fault {
  const token = Symbol(fault.fault)
  let before = 0
  const wishes = wishesAbout<DiskFault>(controlFiles, controlFile, async (wish) => {
    if (wish === null) await rm(controlFile, { force: true })
    else await writeWhole(controlFile, JSON.stringify(wish))
  })
  return makeFault({
    name: `disk: ${fault.fault}`,
    target: part,
    evidence: 'operations on files that the store itself counted as failed, slowed or falsified',
    async apply() {
      before = await countIn(controlFile)
      await wishes.add(token, fault)
    },
    async undo() {
      await wishes.withdraw(token)
      return Math.max(0, (await countIn(controlFile)) - before)
    },
  })
}

/** What owns the wishes about control files: they are files, whoever holds their names. */
const controlFiles = {}

/** Never seen half written: the store reads it at any time. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

async function countIn(controlFile: string): Promise<number> {
  return Number(await readFile(`${controlFile}.touched`, 'utf8').catch(() => '0'))
}

interface Flip {
  readonly path: string
  readonly inode: number
  readonly offset: number
}

export interface FlipOptions {
  readonly seed: number
  /** Share of the files that get one flipped bit each, 0 to 1. */
  readonly share: number
  /** Smaller files are left alone. */
  readonly minBytes: number
}

/** Not bodies: configurations, logs, and an index's own pages, whose damage nothing could tell from a program's fault. */
const notBodies = /\.(ya?ml|conf|cfg|json|log|pid|pem|mdb|sqlite|sqlite-wal|sqlite-shm)$/

/** One bit is flipped in some of the bodies stored below a folder; healing flips those back that are still the same file. */
export function storedBitsFlip(part: string, folder: string, options: FlipOptions): Fault {
  let flips: Flip[] = []
  return makeFault({
    name: 'bits flipped in stored files',
    target: part,
    evidence: 'files in which one bit was flipped',
    async apply() {
      flips = await chooseFlips(folder, options)
      for (const flip of flips) await flipBit(flip)
    },
    async undo() {
      const { length } = flips
      for (const flip of flips) await flipBit(flip)
      flips = []
      return length
    },
  })
}

async function chooseFlips(folder: string, { seed, share, minBytes }: FlipOptions): Promise<Flip[]> {
  const generator = xoroshiro128plus(seed)
  const draw = () => uniformFloat64(generator)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const bodies = entries.filter((entry) => entry.isFile() && !notBodies.test(entry.name))
  const paths = bodies.map((entry) => join(entry.parentPath, entry.name))
  const flips: Flip[] = []
  for (const path of paths.sort()) {
    const { size, ino: inode } = await stat(path).catch(() => ({ size: 0, ino: 0 }))
    if (size >= minBytes && draw() < share) flips.push({ path, inode, offset: Math.floor(draw() * size) })
  }
  return flips
}

/** A file that has been removed or replaced since is left alone. */
async function flipBit({ path, inode, offset }: Flip): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found?.ino !== inode) return
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  byte[0]! ^= 1
  await file.write(byte, 0, 1, offset)
}
