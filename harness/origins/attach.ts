// An origin that outlives a run: `breakwater origin` leaves in its folder how to reach it, and a run attaches to it.
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, UsageError } from '../errors.ts'
import type { OriginHandle } from './handle.ts'
import { controlsOf, type OriginFacts } from './start.ts'

const factsFile = 'running.json'

/** Whether the folder is, or was, one of `breakwater origin`. */
export function isOriginFolder(dir: string): boolean {
  return existsSync(join(dir, factsFile))
}

/** Leaves in the origin's folder what `attachOrigin` needs, for nobody else to read. */
export async function publishOrigin(dir: string, origin: OriginHandle): Promise<void> {
  const { kind, tlsAddress, adminUrl, host, caFile, credentials, bucket, manifestFile, pid, logFile } = origin
  const facts: OriginFacts = {
    ...{ kind, tlsAddress, adminUrl, host, caFile, credentials, bucket, manifestFile, pid, logFile },
  }
  await writeFile(join(dir, factsFile), JSON.stringify(facts, null, 2), { mode: 0o600 })
}

/**
 * The origin that runs in `dir`, healthy and with what it has answered so far forgotten. Stopping it heals it and lets it
 * run on. Rejects with a UsageError when none answers.
 */
export async function attachOrigin(dir: string): Promise<OriginHandle> {
  const facts: OriginFacts = JSON.parse(await readFile(join(dir, factsFile), 'utf8'))
  const controls = controlsOf(facts.adminUrl)
  const heal = async () => {
    await controls.clearFaults()
    await controls.setCertificate('good')
  }
  await heal().catch((error) => {
    throw new UsageError(
      `--origin ${dir}: the origin there does not answer (${messageOf(error)}); start it with npx breakwater origin`,
    )
  })
  const before = await lastSequence(controls)
  return {
    ...facts,
    ...controls,
    requestLog: (after) => controls.requestLog(Math.max(after, before)),
    // Whoever started it sees its end; a run sees that it no longer answers.
    exited: new Promise(() => {}),
    stop: heal,
  }
}

async function lastSequence({ requestLog }: Pick<OriginHandle, 'requestLog'>): Promise<number> {
  let last = 0
  for (;;) {
    const { entries } = await requestLog(last)
    if (entries.length === 0) return last
    last = entries.at(-1)!.sequence
  }
}
