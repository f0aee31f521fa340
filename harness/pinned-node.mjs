// Finds the Node that package.json pins. Plain JavaScript without dependencies: it must run on any Node ≥ 20.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The path of the pinned Node; ends the process with one line and exit 254 when the packages aren't installed. */
export function pinnedNode() {
  const path = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url))
  if (existsSync(path)) return path
  console.error('breakwater: its packages are not installed; run `npm ci` first')
  process.exit(254)
}
