// Keeps a system and its load apart: the system's processes share one CPU, the load generator has the others. Else the
// two compete for CPU time, and what a fast system gains its own load generator eats. Throughput is that of one CPU.
import { availableParallelism } from 'node:os'
import { which } from '../../proxy/testing/which.ts'

const canPin = which('taskset') !== null && availableParallelism() > 1

/** For the head of a table: what the numbers are numbers of. */
export const pinning = canPin
  ? 'each system on one CPU, the load on the others'
  : 'systems and load compete for the CPUs (taskset, or a second CPU, is missing)'

/** The command, on the CPU of the systems under test; all its processes stay there. */
export function onSystemCpu(command: readonly string[]): string[] {
  return canPin ? ['taskset', '-c', '0', ...command] : [...command]
}

/** The command, on the other CPUs. */
export function onLoadCpus(command: readonly string[]): string[] {
  return canPin ? ['taskset', '-c', `1-${availableParallelism() - 1}`, ...command] : [...command]
}
