// Starts a Node program for a test, tied to it: it ends with the test's process, however that ends, and has no output in
// common with it. Else a test that is killed would leave it behind, and tap waits until nobody holds its tests' outputs.
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
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

const graceMs = 5000

/** SIGTERM, then SIGKILL after 5 s; resolves when it is gone, at once when it has been for long. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await gone
  clearTimeout(timer)
}
