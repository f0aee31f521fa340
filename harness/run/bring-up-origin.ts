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
  const origin = isOriginFolder(path.resolve(options.origin))
    ? await attachOrigin(path.resolve(options.origin))
    : await startOwn(options, path.join(workDir, 'origin'))
  let isWanted = true
  hooks.undo.add('stop the origin', () => {
    isWanted = false
    return origin.stop()
  })
  void origin.exited.then((how) => {
    if (isWanted) hooks.onTrouble(`the origin died unexpectedly (${how})`)
  })
  return origin
}

async function startOwn(
  { origin, seed, dataset, largeObjects }: RunOptions,
  dir: string,
): Promise<OriginHandle> {
  await mkdir(dir, { recursive: true })
  return startOrigin({
    ...originChoice(origin),
    dir,
    seed,
    ...(largeObjects && { largeObjects }),
    ...(dataset && { dataset }),
  })
}
