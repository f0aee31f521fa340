// Holds the direction of imports (scenarios → harness → proxy; adapters → flow → policy) and the purity of policy and flow.
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'

const root = path.resolve(import.meta.dirname, '..')

interface Source {
  /** Path from the root. */
  readonly file: string
  readonly text: string
  /** Imported files by path from the root, packages and node: modules as they are. */
  readonly imports: readonly string[]
}

async function sourcesIn(folder: string): Promise<Source[]> {
  const names = await readdir(path.join(root, folder), { recursive: true })
  return names
    .filter((name) => /\.(ts|mjs)$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => readSource(path.join(folder, name)))
}

function readSource(file: string): Source {
  const text = readFileSync(path.join(root, file), 'utf8')
  const specifiers = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)
  const imports = [...specifiers].map(([, name]) =>
    name!.startsWith('.') ? path.join(path.dirname(file), name!) : name!,
  )
  return { file, text, imports }
}

/** Imports that a rule does not allow, as "file → import". */
function breaches(sources: readonly Source[], allowed: (name: string) => boolean): string[] {
  return sources.flatMap(({ file, imports }) =>
    imports.filter((name) => !allowed(name)).map((name) => `${file} → ${name}`),
  )
}

const plainData = new Set(['proxy/object.ts', 'proxy/errors.ts'])
const inside =
  (...folders: string[]) =>
  (name: string) =>
    folders.some((folder) => name.startsWith(`${folder}/`))

/** What would tie flow or policy to this machine's clock, chance or sockets. */
const impure =
  /\b(?:Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|setImmediate|AbortSignal\.timeout|performance\.now|process\.)/

function impurities(sources: readonly Source[]): string[] {
  return sources.flatMap(({ file, text }) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    const found = impure.exec(code)
    return found ? [`${file} uses ${found[0]}`] : []
  })
}

t.test('policy imports only policy and plain data', async (t) => {
  const sources = await sourcesIn('proxy/policy')
  t.ok(sources.length > 0)
  t.strictSame(
    breaches(sources, (name) => inside('proxy/policy')(name) || plainData.has(name)),
    [],
  )
})

t.test('policy and flow touch no clock, chance, timer or process of the machine', async (t) => {
  const folders = await Promise.all(['proxy/policy', 'proxy/cache', 'proxy/router'].map(sourcesIn))
  t.ok(folders.every((sources) => sources.length > 0))
  t.strictSame(impurities(folders.flat()), [])
})

t.test('flow imports flow, policy, ports and plain data', async (t) => {
  const sources = [...(await sourcesIn('proxy/cache')), ...(await sourcesIn('proxy/router'))]
  const allowed = inside('proxy/cache', 'proxy/router', 'proxy/policy')
  t.strictSame(
    breaches(sources, (name) => allowed(name) || plainData.has(name) || name === 'proxy/ports.ts'),
    [],
  )
})

t.test('the proxy knows nothing of the harness, the harness nothing of the scenarios', async (t) => {
  t.strictSame(
    breaches(await sourcesIn('proxy'), (name) => !inside('harness', 'scenarios')(name)),
    [],
  )
  t.strictSame(
    breaches(await sourcesIn('harness'), (name) => !inside('scenarios')(name)),
    [],
  )
})

t.test('adapters are constructed only in roles/ and in the worlds', async (t) => {
  const sources = (await sourcesIn('proxy')).filter(
    ({ file }) => !inside('proxy/adapters', 'proxy/roles', 'proxy/config', 'proxy/testing')(file),
  )
  t.strictSame(
    breaches(sources, (name) => !inside('proxy/adapters')(name)),
    [],
  )
})

t.test('the rules find what breaks them', async (t) => {
  const text =
    "import { readFile } from 'node:fs'\nconst now = Date.now()\n// Math.random in a comment is nothing\n"
  const broken: Source = { file: 'proxy/policy/broken.ts', text, imports: ['node:fs'] }
  t.strictSame(breaches([broken], inside('proxy/policy')), ['proxy/policy/broken.ts → node:fs'])
  t.strictSame(impurities([broken]), ['proxy/policy/broken.ts uses Date.now'])
})
