// What a scenario script imports first: gives it the harness, on the pinned Node. Plain JavaScript: a zx and a Node
// from elsewhere may have started the script, and couldn't even load the harness's TypeScript.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { endWithNpx, endWithStarter, handOver, outliveOutput, runsPinnedNode } from './hand-over.mjs'

const zx = fileURLToPath(new URL('../node_modules/zx/build/cli.js', import.meta.url))

/** By then V8's other threads are done with what they were at: exiting in the midst of it can hang, see `exitSurely`. */
const restMs = 100

/**
 * The harness's exports (harness/index.ts), once this process runs on the pinned Node, and the script's `flags`. `scenario(definition, tell)`
 * takes the flags from the script's own command line and ends the process with the run's exit code.
 * @param {string} scriptUrl the scenario's `import.meta.url`
 */
export async function openHarness(scriptUrl) {
  endWithNpx()
  endWithStarter()
  outliveOutput()
  const script = fileURLToPath(scriptUrl)
  const flags = argumentsAfter(script)
  if (!runsPinnedNode()) await handOver([zx, script, ...flags])
  const harness = await import('./index.ts')
  const exit = async (code) => {
    await sleep(restMs)
    harness.exitSurely(code)
  }
  return {
    ...harness,
    flags,
    exit,
    scenario: async (definition, tell) => exit(await harness.runScenario(definition, tell, flags, script)),
  }
}

/** The command line after the script's own name, however the script was started. */
function argumentsAfter(script) {
  const at = process.argv.findIndex((word) => path.basename(word) === path.basename(script))
  return process.argv.slice(at + 1)
}
