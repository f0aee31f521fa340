// A process that somebody else started, with all that descend from it, as Linux's /proc shows them.
import { readdirSync, readFileSync } from 'node:fs'
import { type GroupUsage, usageIn } from './process-group.ts'

interface ProcessStat {
  readonly pid: number
  /** The fields of proc(5) from the state on, which is the third there and the first here. */
  readonly fields: readonly string[]
}

const parentField = 1
const startTimeField = 19

function readStat(pid: number): ProcessStat | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return { pid, fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }
  } catch {
    return null
  }
}

/** Tells a process from a later one of the same number: when it started; null when there is none, or only its corpse. */
export function birthOf(pid: number): string | null {
  const stat = readStat(pid)
  return stat === null || 'ZX'.includes(stat.fields[0]!) ? null : stat.fields[startTimeField]!
}

/** The process and its descendants, parents first; empty when it is gone. */
export function treeOf(pid: number): number[] {
  return statsOfTree(pid).map((stat) => stat.pid)
}

/** CPU time and resident memory of the whole tree. */
export function treeUsage(pid: number): GroupUsage {
  return usageIn(statsOfTree(pid).map(({ fields }) => fields))
}

function statsOfTree(root: number): ProcessStat[] {
  const all = readdirSync('/proc').flatMap((entry) =>
    /^\d+$/.test(entry) ? (readStat(Number(entry)) ?? []) : [],
  )
  const tree = all.filter(({ pid }) => pid === root)
  for (const parent of tree) {
    tree.push(...all.filter(({ fields }) => Number(fields[parentField]) === parent.pid))
  }
  return tree
}

/** Signals every process of the tree, parents first. */
export function signalTree(pid: number, name: NodeJS.Signals): void {
  for (const member of treeOf(pid)) signalProcess(member, name)
}

/** Doesn't mind when it is gone already. */
export function signalProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
