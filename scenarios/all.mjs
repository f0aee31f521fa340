#!/usr/bin/env zx
// Every scenario here on every system of --systems: one table at the end, and the worst exit code.
import { openHarness } from '../harness/open.mjs'

const { runAll, flags, exit } = await openHarness(import.meta.url)

await exit(await runAll(flags))
