// A file system that fails on command, for experiments: a control file says how, and may change at any time.
//
//   {"fault": "full"}            nothing can be written: ENOSPC
//   {"fault": "read-only"}       nothing can be changed: EROFS
//   {"fault": "io-error"}        nothing can be read or written: EIO
//   {"fault": "no-descriptors"}  nothing can be opened: EMFILE
//   {"fault": "slow", "delayMs": 200}   opening, reading and writing take so much longer
//   {"fault": "flipped-bits"}    one bit of whatever is read is wrong
//   {"fault": "none"}            or no file: all is well
//
// How many operations met a fault, since the start, is written beside it, to the control file's name with `.touched`.
import { readFileSync, writeFile } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { FileSystem } from './file-system.ts'

export const diskFaultNames = [
  'none',
  'full',
  'read-only',
  'io-error',
  'no-descriptors',
  'slow',
  'flipped-bits',
] as const
export type DiskFaultName = (typeof diskFaultNames)[number]

export interface DiskFault {
  readonly fault: DiskFaultName
  /** For `slow`. */
  readonly delayMs?: number
}

type Operation = 'open' | 'read' | 'change' | 'create'

const failures: Partial<
  Record<DiskFaultName, { readonly code: string; readonly operations: readonly Operation[] }>
> = {
  full: { code: 'ENOSPC', operations: ['create', 'change'] },
  'read-only': { code: 'EROFS', operations: ['create', 'change'] },
  'io-error': { code: 'EIO', operations: ['open', 'read', 'create', 'change'] },
  'no-descriptors': { code: 'EMFILE', operations: ['open', 'create'] },
}

/** `current` is asked before each operation; `onMet` is told of each that a fault failed, slowed or falsified. */
export function withFaults(
  files: FileSystem,
  current: () => DiskFault,
  onMet: () => void = () => {},
): FileSystem {
  const meet = (operation: Operation, name: string): DiskFault => {
    const present = current()
    const failure = failures[present.fault]
    if (!failure?.operations.includes(operation)) return present
    onMet()
    throw systemError(failure.code, name)
  }
  const pass = async (operation: Operation, name: string): Promise<DiskFault> => {
    const present = meet(operation, name)
    if (present.fault === 'slow') {
      onMet()
      await delay(present.delayMs ?? 0)
    }
    return present
  }
  return {
    ...files,
    create: async (path) => pass('create', 'open').then(() => files.create(path)),
    open: async (path) => pass('open', 'open').then(() => files.open(path)),
    write: async (fd, buffers, position) =>
      pass('change', 'write').then(() => files.write(fd, buffers, position)),
    makeDirectory: async (path) => pass('create', 'mkdir').then(() => files.makeDirectory(path)),
    beforeIndexWrite: () => void meet('change', 'write'),
    async read(fd, buffer, position) {
      const { fault } = await pass('read', 'read')
      const bytes = await files.read(fd, buffer, position)
      if (fault !== 'flipped-bits' || bytes === 0) return bytes
      onMet()
      buffer[bytes >> 1]! ^= 1
      return bytes
    },
    readNow: (fd, buffer, position) =>
      current().fault === 'none' ? files.readNow(fd, buffer, position) : null,
    async unlink(path) {
      // A full disk lets go of files.
      if (current().fault !== 'full') meet('change', 'unlink')
      await files.unlink(path)
    },
  }
}

const rereadAfterMs = 50

/** The fault that the control file names, read again every 50 ms. Throws when the file names none of the faults. */
export function faultsFrom(controlFile: string, nowMs: () => number): () => DiskFault {
  let present: DiskFault = { fault: 'none' }
  let readAtMs = Number.NEGATIVE_INFINITY
  return () => {
    if (nowMs() - readAtMs < rereadAfterMs) return present
    readAtMs = nowMs()
    present = readControl(controlFile)
    return present
  }
}

const countAfterMs = 50

/** A counter whose total is written to a file, at most every 50 ms. */
export function countInto(path: string): () => void {
  let total = 0
  let isDue = false
  const write = () => {
    isDue = false
    // A count that can't be written proves nothing, and that is all.
    writeFile(path, `${total}`, () => undefined)
  }
  return () => {
    total += 1
    if (!isDue) setTimeout(write, countAfterMs).unref()
    isDue = true
  }
}

function readControl(path: string): DiskFault {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return { fault: 'none' }
  }
  const wanted = JSON.parse(text) as DiskFault
  if (diskFaultNames.includes(wanted.fault)) return wanted
  throw new Error(`${path}: expected "fault" to be one of ${diskFaultNames.join(', ')}, got ${wanted.fault}`)
}

function systemError(code: string, operation: string): Error {
  return Object.assign(new Error(`${code}: played by the disk faults, ${operation}`), {
    code,
    syscall: operation,
  })
}
