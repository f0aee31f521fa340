// The origin of a run: started for it, or one that `breakwater origin` keeps running.
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { attachOrigin, isOriginFolder } from '../origins/attach.ts'
import { type OriginHandle, originChoice } from '../origins/handle.ts'
import { startOrigin } from '../origins/start.ts'
import type { DeployHooks } from './deployment.ts'
import type { RunOptions } from './options.ts'

/** Rejects with UsageError for what the user can mend. */
export async function bringUpOrigin(
  options: RunOptions,
  workDir: string,
  hooks: DeployHooks,
): Promise<OriginHandle> {
  const folder = path.resolve(options.origin)
  const unwanted = new AbortController()
  const coming = isOriginFolder(folder)
    ? attachOrigin(folder)
    : startOwn(options, path.join(workDir, 'origin'), unwanted.signal)
  hooks.undo.add('stop the origin', async () => {
    unwanted.abort()
    // One that never came up has ended by itself.
    const origin = await coming.catch(() => null)
    await origin?.stop()
  })
  const origin = await coming
  void origin.exited.then((how) => {
    if (!unwanted.signal.aborted) hooks.onTrouble(`the origin died unexpectedly (${how})`)
  })
  return origin
}

async function startOwn(
  { origin, seed, dataset, largeObjects }: RunOptions,
  dir: string,
  unwanted: AbortSignal,
): Promise<OriginHandle> {
  await mkdir(dir, { recursive: true })
  const objects = { ...(largeObjects && { largeObjects }), ...(dataset && { dataset }) }
  return startOrigin({ ...originChoice(origin), dir, seed, ...objects }, unwanted)
}
