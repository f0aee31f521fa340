// Hands a script over to the pinned Node when another one runs it. Plain JavaScript without dependencies: it must run
// on any Node ≥ 20.
import { spawn } from 'node:child_process'
import { readFileSync, realpathSync } from 'node:fs'
import { constants } from 'node:os'
import { pinnedNode } from './pinned-node.mjs'

/** True when this process already is the pinned Node. */
export function runsPinnedNode() {
  return realpathSync(process.execPath) === realpathSync(pinnedNode())
}

/**
 * npm's exec, which npx is, ends at SIGTERM, SIGHUP or SIGKILL without a word to what it runs. A run must be undone
 * then: this process takes npm's death, or that of the shell which npm put in between, for SIGTERM.
 */
export function endWithNpx() {
  if (process.env.npm_command !== 'exec') return
  const above = npxAbove()
  setInterval(() => npxAbove() === above || process.kill(process.pid, 'SIGTERM'), 500).unref()
}

/**
 * A run that another process of ours started, such as `compare` or `all.mjs`, shares its output and ends with it, however
 * that ends: the channel between the two closes then.
 */
export function endWithStarter() {
  if (process.send === undefined) return
  const end = () => process.kill(process.pid, 'SIGTERM')
  if (!process.connected) end()
  process.once('disconnect', end)
  process.channel?.unref()
}

/** A terminal that is closed, or a pipe whose reader has left, must not end a run before everything is undone. */
export function outliveOutput() {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** Who started this process: the numbers of npm and, where one stands in between, of its shell. */
function npxAbove() {
  try {
    const [, name, parent] = /\((.*)\) \S+ (\d+)/.exec(readFileSync(`/proc/${process.ppid}/stat`, 'utf8'))
    if (name === 'sh') return `${process.ppid} ${parent}`
  } catch {
    // No /proc here: the shell's death alone is seen.
  }
  return `${process.ppid}`
}

/**
 * Runs `script` with `args` on the pinned Node in place of this process: same terminal, signals passed on, same exit
 * code. Never returns.
 * @param {string[]} command script and arguments
 * @returns {Promise<never>}
 */
export async function handOver(command) {
  const child = spawn(pinnedNode(), command, { stdio: 'inherit' })
  // The terminal's Ctrl-C reaches the child by itself; what comes by `kill` reaches only this process.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const [code, signal] = await new Promise((resolve) => child.once('exit', (...how) => resolve(how)))
  process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : code)
}
