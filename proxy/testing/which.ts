// Finds programs that some tests compare with or drive.
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

/** The path of the first of `names` on PATH, or null. */
export function which(...names: string[]): string | null {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const candidates = names.flatMap((name) => folders.map((folder) => path.join(folder, name)))
  return candidates.find(isExecutable) ?? null
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
