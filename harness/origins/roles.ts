// Which objects are read before a fault, which never, and which become stale soon: dealt by their place in the list.
import { type ObjectRole, shortLivedPrefix } from './handle.ts'

export const longLivedPrefix = 'artifacts/'

export interface Dealt {
  readonly role: ObjectRole
  /** What its key begins with: the systems under test are told how long keys below it stay fresh. */
  readonly prefix: string
}

/** Of every ten objects two are never read and three are short-lived; of fewer than ten every second is never read. */
export function deal(index: number, count: number): Dealt {
  const many = count >= 10
  const turn = index % (many ? 10 : 4)
  const neverRead = many ? [1, 6] : [1, 3]
  const shortLived = many ? [2, 5, 8] : [2]
  const role: ObjectRole = neverRead.includes(turn) ? 'never-read' : 'known'
  return { role, prefix: shortLived.includes(turn) ? shortLivedPrefix : longLivedPrefix }
}
