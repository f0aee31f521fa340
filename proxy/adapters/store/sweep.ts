// Removes body files that no slot of the ledger owns: what a power cut left that the index has forgotten.
// After a mere crash there is none, because a file is in the index before it is on the disk.
import type { FileSystem } from './file-system.ts'
import { bodiesPath, bodyPath, parseBodyName } from './layout.ts'
import { type Ledger, slotState } from './ledger.ts'

/** Goes through the directories one by one, beside the store's other work, until done or `isStopped`. */
export async function sweepOrphans(
  root: string,
  files: FileSystem,
  ledger: Ledger,
  isStopped: () => boolean,
): Promise<void> {
  const directories = (await files.list(bodiesPath(root))).filter((name) => /^\d+$/.test(name))
  for (const directory of directories) {
    const path = `${bodiesPath(root)}/${directory}`
    for (const name of await files.list(path)) {
      if (isStopped()) return
      if (isOrphan(root, path, name, ledger)) await files.unlink(`${path}/${name}`)
    }
  }
}

/** Names that are not ours are left alone. */
function isOrphan(root: string, directory: string, name: string, ledger: Ledger): boolean {
  const parsed = parseBodyName(name)
  if (parsed === null) return false
  const { slot, serial } = parsed
  if (slot >= ledger.slotCount || `${directory}/${name}` !== bodyPath(root, slot, serial)) return true
  return ledger.serialOf(slot) !== serial || ledger.stateOf(slot) === slotState.free
}
