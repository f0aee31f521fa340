// Tries a disk: makes, fills, reads back and removes one small file.
import type { FileSystem } from './file-system.ts'

const probeBytes = 65_536

/** Rejects with the system's error when the disk can't be written or read. */
export async function probeDisk(directory: string, files: FileSystem): Promise<void> {
  const path = `${directory}/probe`
  const fd = await files.create(path)
  try {
    await files.write(fd, [Buffer.alloc(probeBytes, 1)], 0)
    await files.read(fd, Buffer.alloc(probeBytes), 0)
  } finally {
    await files.close(fd)
    await files.unlink(path)
  }
}
