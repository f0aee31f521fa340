// The first line of a history: what is run, on what, with which configuration and demands.
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import type { Threshold } from '../checkers/threshold.ts'
import type { RunLine } from '../history/events.ts'
import type { Workload } from '../load/messages.ts'
import type { Deployment } from './deployment.ts'
import type { RunOptions } from './options.ts'

export function runLine(
  scenario: string,
  thresholds: readonly Threshold[],
  options: RunOptions,
  workload: Workload,
  deployment: Deployment,
  startedAt: Date,
): RunLine {
  const { toxiproxy, origin, system, parts, calendar } = deployment
  return {
    type: 'run',
    scenario,
    system: system.name,
    origin: origin.kind,
    toxiproxy: { kind: toxiproxy.kind, version: toxiproxy.version },
    seed: options.seed,
    speed: options.speed,
    startedAt: startedAt.toISOString(),
    versions: { node: process.version, commit: currentCommit() },
    machine: `${os.cpus()[0]?.model.trim() ?? 'unknown processor'}, ${os.availableParallelism()} cores, ${os.platform()} ${os.release()}`,
    configuration: {
      options,
      workload,
      calendar,
      system: system.story,
      files: Object.fromEntries(
        parts.map((part) => [part.name, maskedFiles(part.files(), origin.credentials.secretKey)]),
      ),
    },
    dollarsPerGb: options.dollarsPerGb,
    thresholds,
  }
}

function maskedFiles(files: Record<string, string>, secret: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, text.replaceAll(secret, '(masked)')]),
  )
}

/** Git may wait for another's lock, or for a disk that is far away; the run waits for it. */
const gitTimeoutMs = 5000

/** The commit of the checkout, `-dirty` with uncommitted changes; "unknown" outside of one. */
function currentCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: import.meta.dirname,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: gitTimeoutMs,
      }).trim()
    const commit = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain') === '' ? commit : `${commit}-dirty`
  } catch {
    return 'unknown'
  }
}
