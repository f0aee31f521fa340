// Turns what the system says of the disk into the proxy's own errors.
import { ProxyError } from '../../errors.ts'
import { errorCode } from './file-system.ts'

const fullCodes: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT'])
/** SQLITE_FULL */
const indexFullCode = 13
/** SQLITE_BUSY: its lock is another process's. */
const indexLockedCode = 5

/** True when the disk has no room, be it for a body or for the index. */
export function isDiskFull(error: unknown): boolean {
  return fullCodes.has(errorCode(error)) || (error as { errcode?: number } | null)?.errcode === indexFullCode
}

/** `store-full` when the disk is, `store-io` for any other failure; a ProxyError stays what it is. */
export function storeError(key: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error
  const code = isDiskFull(error) ? 'store-full' : 'store-io'
  return new ProxyError(`the store failed at ${key}: ${describe(error)}`, {
    code,
    source: 'store',
    cause: error,
  })
}

export function noRoom(key: string): ProxyError {
  return new ProxyError(`no room in the store for ${key}`, { code: 'store-full', source: 'store' })
}

export function evicted(key: string): ProxyError {
  return new ProxyError(`the entry of ${key} was replaced or dropped`, { code: 'evicted', source: 'store' })
}

export function describe(error: unknown): string {
  if ((error as { errcode?: number } | null)?.errcode === indexLockedCode) return 'another process uses it'
  return error instanceof Error ? error.message : String(error)
}

export function missingFile(key: string, cause: unknown): ProxyError {
  return new ProxyError(`the file of ${key} is missing`, { code: 'corrupt', source: 'store', cause })
}

/** For those who still write to a directory that was given up. */
export function storeClosed(): ProxyError {
  return new ProxyError('the store was closed', { code: 'store-io', source: 'store' })
}
