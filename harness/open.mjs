// What a scenario script imports first: gives it the harness, on the pinned Node. Plain JavaScript: a zx and a Node
// from elsewhere may have started the script, and couldn't even load the harness's TypeScript.
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { handOver, runsPinnedNode } from './hand-over.mjs'

const zx = fileURLToPath(new URL('../node_modules/zx/build/cli.js', import.meta.url))

/**
 * The harness's exports (harness/index.ts), once this process runs on the pinned Node.
 * @param {string} scriptUrl the scenario's `import.meta.url`
 * @returns {Promise<typeof import('./index.ts')>}
 */
export async function openHarness(scriptUrl) {
  const script = fileURLToPath(scriptUrl)
  if (!runsPinnedNode()) await handOver([zx, script, ...argumentsAfter(script)])
  return import('./index.ts')
}

/** The command line after the script's own name, however the script was started. */
export function argumentsAfter(script) {
  const at = process.argv.findIndex((word) => path.basename(word) === path.basename(script))
  return process.argv.slice(at + 1)
}
