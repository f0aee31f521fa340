// What users start runs first on whatever Node they have, 20 or later, and only then on the pinned one.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '..')
const scripts = ['harness', 'harness/run', 'scenarios'].flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.mjs'))
    .map((name) => `${folder}/${name}`),
)

t.test('no script needs the syntax of a newer Node', async (t) => {
  t.ok(scripts.length > 20)
  for (const script of scripts) {
    const code = readFileSync(path.join(root, script), 'utf8').replace(/\/\/.*$/gm, '')
    t.notMatch(code, /\busing\s+\w+\s*=/, `${script}: \`using\` came with Node 24`)
  }
})
