// Faults of a cache's disk: those that its store plays itself when a control file says so, and bits flipped in what any
// cache has stored.
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { DiskFault } from '../../proxy/adapters/store/disk-faults.ts'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/** A store looks at its control file at most every 50 ms, and writes its count as seldom. */
const noticedAfterMs = 150

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
    await sleep(noticedAfterMs)
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

interface Place {
  readonly path: string
  readonly inode: number
  readonly offset: number
}

interface Flip extends Place {
  /** What stands there since. */
  readonly byte: number
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

/** One bit is flipped in some of the bodies stored below a folder; healing flips those back that still stand there. */
export function storedBitsFlip(part: string, folder: string, options: FlipOptions): Fault {
  let flips: Flip[] = []
  return makeFault({
    name: 'bits flipped in stored files',
    target: part,
    evidence: 'files in which one bit was flipped',
    async apply() {
      for (const place of await choosePlaces(folder, options)) {
        const byte = await flipBit(place)
        if (byte !== null) flips.push({ ...place, byte })
      }
    },
    async undo() {
      const { length } = flips
      for (const flip of flips) await flipBit(flip, flip.byte)
      flips = []
      return length
    },
  })
}

async function choosePlaces(folder: string, { seed, share, minBytes }: FlipOptions): Promise<Place[]> {
  const generator = xoroshiro128plus(seed)
  const draw = () => uniformFloat64(generator)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const bodies = entries.filter((entry) => entry.isFile() && !notBodies.test(entry.name))
  const paths = bodies.map((entry) => join(entry.parentPath, entry.name))
  const places: Place[] = []
  for (const path of paths.sort()) {
    const { size, ino: inode } = await stat(path).catch(() => ({ size: 0, ino: 0 }))
    if (size >= minBytes && draw() < share) places.push({ path, inode, offset: Math.floor(draw() * size) })
  }
  return places
}

/**
 * Resolves with the byte as it is then; null when it was left alone: the file has been removed or replaced, or was
 * written anew and `expected` doesn't stand there any more.
 */
async function flipBit({ path, inode, offset }: Place, expected?: number): Promise<number | null> {
  const found = await stat(path).catch(() => null)
  if (found?.ino !== inode) return null
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  if (expected !== undefined && byte[0] !== expected) return null
  byte[0]! ^= 1
  await file.write(byte, 0, 1, offset)
  return byte[0]!
}
