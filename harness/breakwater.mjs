#!/usr/bin/env node
// The `breakwater` command: runs harness/main.ts on the pinned Node, whatever Node started this file.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { pinnedNode } from './pinned-node.mjs'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const { status, signal } = spawnSync(pinnedNode(), [main, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(signal ? 130 : (status ?? 255))
