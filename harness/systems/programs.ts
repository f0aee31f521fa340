// Whether the programs that a system's parts are made of are on this machine.
import { delimiter } from 'node:path'
import { findCommand } from '../doctor.ts'
import { UsageError } from '../errors.ts'
import type { SystemDescription } from './system.ts'

/** Programs of the system's parts that are named without a path and stand in no folder of PATH. */
export function missingPrograms({ parts }: SystemDescription): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const programs = parts.map(({ command }) => command[0]!)
  return [...new Set(programs)].filter(
    (program) => !/[{/]/.test(program) && findCommand(program, folders) === null,
  )
}

/** @throws UsageError that names those which are missing, and the `flag` that asked for the system. */
export function requirePrograms(system: SystemDescription, flag: string): void {
  const missing = missingPrograms(system)
  if (missing.length === 0) return
  throw new UsageError(
    `${flag}: ${system.name} can't be run here: ${missing.join(' and ')} not found on PATH`,
  )
}
