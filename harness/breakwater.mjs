#!/usr/bin/env node
// The `breakwater` command: runs harness/main.ts on the pinned Node, whatever Node started this file.
import { fileURLToPath } from 'node:url'
import { endWithNpx, endWithStarter, handOver, outliveOutput, runsPinnedNode } from './hand-over.mjs'

endWithNpx()
endWithStarter()
outliveOutput()
if (runsPinnedNode()) await import('./main.ts')
else await handOver([fileURLToPath(new URL('./main.ts', import.meta.url)), ...process.argv.slice(2)])
