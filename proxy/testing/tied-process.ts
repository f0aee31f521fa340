// Starts a Node program for a test, tied to it: it ends with the test's process, however that ends, and has no output in
// common with it. Else a test that is killed would leave it behind, and tap waits until nobody holds its tests' outputs.
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

/** Run in the program first: the channel to the test closes when that is gone. */
const end = 'process.once("disconnect", () => process.kill(process.pid, "SIGKILL")); process.channel.unref()'
const endWithTest = `data:text/javascript,${encodeURIComponent(end)}`

export type TiedProcess = ChildProcessByStdio<null, Readable, Readable>

/** What Node is given as arguments: flags, the script, and its own. Its output must be read by the test, or forwarded. */
export function spawnTied(args: readonly string[], env: NodeJS.ProcessEnv = process.env): TiedProcess {
  const child = spawn(process.execPath, ['--import', endWithTest, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env,
  })
  child.channel?.unref()
  return child as unknown as TiedProcess
}

/** The same, with what it complains of on the test's own standard error. */
export function spawnTiedAloud(args: readonly string[], env?: NodeJS.ProcessEnv): TiedProcess {
  const child = spawnTied(args, env)
  child.stderr.pipe(process.stderr)
  return child
}
