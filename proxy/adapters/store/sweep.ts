// Compares the body files with the books after a start, beside the store's other work. A mere crash leaves no
// difference; a power cut can, and so can people who delete files.
import type { FileSystem } from './file-system.ts'
import { bodiesPath, bodyPath, parseBodyName } from './layout.ts'
import { type Ledger, slotState } from './ledger.ts'

export interface SweepParts {
  readonly root: string
  readonly files: FileSystem
  readonly ledger: Ledger
  isStopped(): boolean
}

/**
 * Removes body files that no slot owns. Resolves with the slots whose file was missing; their bodies were complete
 * when the sweep began.
 */
export async function sweep(parts: SweepParts): Promise<number[]> {
  const expected = storedSerials(parts.ledger)
  for (const directory of await parts.files.list(bodiesPath(parts.root))) {
    if (/^\d+$/.test(directory))
      await sweepDirectory(parts, `${bodiesPath(parts.root)}/${directory}`, expected)
  }
  if (parts.isStopped()) return []
  return missingSlots(parts.ledger, expected)
}

async function sweepDirectory(parts: SweepParts, path: string, expected: Float64Array): Promise<void> {
  for (const name of await parts.files.list(path)) {
    if (parts.isStopped()) return
    const found = parseBodyName(name)
    // Names that are not ours are left alone.
    if (found === null) continue
    const isOwned =
      `${path}/${name}` === bodyPath(parts.root, found.slot, found.serial) && owns(parts.ledger, found)
    if (!isOwned) await parts.files.unlink(`${path}/${name}`)
    else if (expected[found.slot] === found.serial) expected[found.slot] = 0
  }
}

function owns(ledger: Ledger, { slot, serial }: { slot: number; serial: number }): boolean {
  return (
    slot < ledger.slotCount && ledger.serialOf(slot) === serial && ledger.stateOf(slot) !== slotState.free
  )
}

/** By slot, the serial of its stored body, or 0. */
function storedSerials(ledger: Ledger): Float64Array {
  const serials = new Float64Array(ledger.slotCount)
  for (let slot = 0; slot < serials.length; slot += 1) {
    if (ledger.stateOf(slot) === slotState.stored) serials[slot] = ledger.serialOf(slot)
  }
  return serials
}

function missingSlots(ledger: Ledger, expected: Float64Array): number[] {
  const missing: number[] = []
  for (let slot = 0; slot < expected.length; slot += 1) {
    const isSame = expected[slot] === ledger.serialOf(slot) && ledger.stateOf(slot) === slotState.stored
    if (expected[slot] !== 0 && isSame) missing.push(slot)
  }
  return missing
}
