// The few calls by which the disk store touches files, so that tests and the disk faults can stand in between.
import * as fs from 'node:fs'

export interface FileSystem {
  /** Opens for writing and reading, and empties what was there. */
  create(path: string): Promise<number>
  open(path: string): Promise<number>
  close(fd: number): Promise<void>
  /** Fills `buffer` from `position`; the result is less than its length only at the end of the file. */
  read(fd: number, buffer: Uint8Array, position: number): Promise<number>
  /**
   * The same at once, for what is in the system's page cache: there a read costs a tenth of what waking a thread for it
   * does. null: not now.
   */
  readNow(fd: number, buffer: Uint8Array, position: number): number | null
  /** Writes all buffers, one after the other, from `position`. */
  write(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void>
  /** A file that is not there is as good as removed. */
  unlink(path: string): Promise<void>
  list(path: string): Promise<string[]>
  /** Makes a directory and those above it; fine when it is there. */
  makeDirectory(path: string): Promise<void>
  /** Identifies the file behind a path; null when there is none. */
  inode(path: string): Promise<number | null>
  /** Called before each transaction of the index, which does its own input and output; throws to make it fail. */
  beforeIndexWrite(): void
}

export const nodeFileSystem: FileSystem = {
  create: (path) => openFile(path, 'w+'),
  open: (path) => openFile(path, 'r'),
  close: (fd) => new Promise((resolve, reject) => fs.close(fd, settle(resolve, reject))),
  read: readFully,
  readNow: (fd, buffer, position) => fs.readSync(fd, buffer, 0, buffer.length, position),
  write: writeFully,
  async unlink(path) {
    try {
      await fs.promises.unlink(path)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  },
  list: (path) => fs.promises.readdir(path),
  async makeDirectory(path) {
    await fs.promises.mkdir(path, { recursive: true })
  },
  async inode(path) {
    try {
      return (await fs.promises.stat(path)).ino
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null
      throw error
    }
  },
  beforeIndexWrite() {},
}

/** The system's name of an error, such as ENOSPC; undefined for errors of another kind. */
export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code
}

function openFile(path: string, flags: string): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

function settle(
  resolve: () => void,
  reject: (error: Error) => void,
): (error: Error | null | undefined) => void {
  return (error) => (error ? reject(error) : resolve())
}

function readOnce(fd: number, buffer: Uint8Array, offset: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, offset, buffer.length - offset, position + offset, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    )
  })
}

async function readFully(fd: number, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < buffer.length) {
    const bytes = await readOnce(fd, buffer, filled, position)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

async function writeFully(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void> {
  let rest = buffers
  let at = position
  while (rest.length > 0) {
    const written = await writeOnce(fd, rest, at)
    at += written
    rest = skip(rest, written)
  }
}

function writeOnce(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, buffers as Uint8Array[], position, (error, bytes) =>
      error === null ? resolve(bytes) : reject(error),
    )
  })
}

/** What is left of `buffers` after their first `bytes`; a write may stop in the middle when the disk fills up. */
function skip(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  const rest: Uint8Array[] = []
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(left === 0 ? buffer : buffer.subarray(left))
    left = Math.max(0, left - buffer.length)
  }
  return rest
}
