// What npx starts ends with it, however npx ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { spawnTiedAloud } from '../proxy/testing/tied-process.ts'
import { birthOf } from './systems/process-tree.ts'

const handOver = pathToFileURL(`${import.meta.dirname}/hand-over.mjs`).href
const child = `import { endWithNpx } from ${JSON.stringify(handOver)}
endWithNpx()
console.log(process.pid)
setInterval(() => {}, 1000)`

/** Stands in for npm: starts `node child.mjs` as `sh` would, in a shell that stays or in one that gives way to it. */
const npm = (line: string) => `import { spawn } from 'node:child_process'
spawn('sh', ['-c', ${JSON.stringify(line)}], { stdio: 'inherit', env: { ...process.env, npm_command: 'exec' } })`

const lines = {
  'a shell that stays': '"$NODE" "$DIR/child.mjs"; :',
  'no shell': 'exec "$NODE" "$DIR/child.mjs"',
}

const options = { skip: process.platform === 'linux' ? false : 'there is no /proc here' }
t.test('what npx started ends when npx is killed', options, async (t) => {
  for (const [between, line] of Object.entries(lines)) {
    const dir = t.testdir({ 'child.mjs': child, 'npm.mjs': npm(line) })
    const npx = spawnTiedAloud([`${dir}/npm.mjs`], { ...process.env, NODE: process.execPath, DIR: dir })
    const [text] = await once(npx.stdout, 'data')
    const pid = Number(text)
    t.not(birthOf(pid), null, 'it runs')
    npx.kill('SIGKILL')
    while (birthOf(pid) !== null) await sleep(50)
    t.pass(`it ended, with ${between} in between`)
  }
})

t.test('output that nobody reads any more ends nothing', async (t) => {
  const code = `import { outliveOutput } from ${JSON.stringify(handOver)}
outliveOutput()
process.stdin.once('end', () => {
  process.stdout.write('to nobody')
  setTimeout(() => process.exit(7), 50)
}).resume()
process.stdout.write('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code])
  await once(child.stdout, 'data')
  child.stdout.destroy()
  child.stdin.end()
  t.strictSame(await once(child, 'exit'), [7, null])
})
