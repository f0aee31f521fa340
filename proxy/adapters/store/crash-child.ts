// The process that the crash test kills: fills, aborts, replaces and removes entries without end, in
// an order that a seed decides. Says on stdout `ready`, and around each change `doubt KEY` and then `put KEY VERSION`
// or `gone KEY`: in between nobody knows what a crash leaves.
import { writeSync } from 'node:fs'
import { openDiskStore } from '../disk-store.ts'
import { diskOptions, randomFrom, storeAnything, testPorts } from './testing.ts'

const [directory, seed, maxBytes] = process.argv.slice(2)
if (directory === undefined) process.exit(0)
const store = await openDiskStore(diskOptions(directory, { maxBytes: Number(maxBytes) }), testPorts())
say('ready')
const random = randomFrom(Number(seed))
const firstVersion = Number(seed) * 100_000
for (let round = 0; ; round += 8) {
  await Promise.all(Array.from({ length: 8 }, (_, lane) => step(firstVersion + round + lane)))
}

async function step(version: number): Promise<void> {
  const key = `/b/${random(40)}`
  const choice = random(10)
  if (choice === 0) return void removeKey(key)
  if (choice === 1) return void store.touch(key)
  await storeAnything(store, key, version, random, { said: (line) => say(line) })
}

function removeKey(key: string): void {
  say(`doubt ${key}`)
  store.remove(key)
  say(`gone ${key}`)
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}
