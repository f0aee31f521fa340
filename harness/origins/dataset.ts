// Which real files become objects, under which keys: found, chosen and dealt their roles the same way every time.
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, UsageError } from '../errors.ts'
import type { ObjectRole } from './handle.ts'
import { deal } from './roles.ts'

/** A file, or a piece of one, that becomes an object. */
export interface DatasetFile {
  readonly key: string
  readonly role: ObjectRole
  readonly path: string
  /** First byte and number of bytes of the piece. */
  readonly offset: number
  readonly bytes: number
}

interface FoundFile {
  readonly path: string
  /** Below the folder that was searched, with forward slashes. */
  readonly name: string
  readonly bytes: number
}

const artifactCount = 1500
/** The largest artifacts are taken for certain, so that sizes spread as widely as they do in life. */
const largestCount = 16
const megabyte = 1024 * 1024
/** Pieces of the node binary, in the role of debug symbols. */
const symbolBytes = [16 * megabyte, 20 * megabyte, 24 * megabyte]

/**
 * About 1,500 source maps and bundles from node_modules, from some bytes to some MB, and three binaries of tens of MB.
 * Throws a UsageError when node_modules isn't there.
 */
export async function defaultDataset(
  nodeModules: string = fileURLToPath(new URL('../../node_modules', import.meta.url)),
): Promise<DatasetFile[]> {
  const isArtifact = (name: string) => /\.(js|map)$/.test(name)
  const found = await findFiles(nodeModules, isArtifact, 'the default data set (run npm ci first)')
  return [...withRoles(chooseArtifacts(found)), ...(await symbols(join(nodeModules, 'node', 'bin', 'node')))]
}

/** Every file below the user's folder. Throws a UsageError when there are fewer than two. */
export async function userDataset(dir: string): Promise<DatasetFile[]> {
  const found = await findFiles(dir, () => true, '--dataset')
  if (found.length < 2) {
    throw new UsageError(
      `--dataset ${dir} holds ${found.length} files: at least two are needed, one to be read before the outage and one never`,
    )
  }
  return withRoles(found)
}

/** Sorted by path; empty files are left out. */
async function findFiles(
  dir: string,
  isWanted: (name: string) => boolean,
  what: string,
): Promise<FoundFile[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch((error) => {
    throw new UsageError(`can't read ${what}: ${messageOf(error)}`)
  })
  const paths = entries
    .filter((entry) => entry.isFile() && isWanted(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const files = await Promise.all(
    paths.map(async (path) => {
      const name = relative(dir, path).split(sep).join('/')
      return { path, name, bytes: (await stat(path)).size }
    }),
  )
  return files.filter(({ bytes }) => bytes > 0)
}

/** The largest, and the rest at even steps through the paths. */
function chooseArtifacts(found: readonly FoundFile[]): FoundFile[] {
  if (found.length <= artifactCount) return [...found]
  const bySize = found.toSorted((a, b) => b.bytes - a.bytes)
  const chosen = new Set(bySize.slice(0, largestCount))
  const step = found.length / (artifactCount - largestCount)
  for (let i = 0; i < artifactCount - largestCount; i++) chosen.add(found[Math.floor(i * step)]!)
  return found.filter((file) => chosen.has(file))
}

function withRoles(files: readonly FoundFile[]): DatasetFile[] {
  return files.map(({ path, name, bytes }, i) => {
    const { role, prefix } = deal(i, files.length)
    return { key: prefix + name, role, path, offset: 0, bytes }
  })
}

async function symbols(nodeBinary: string): Promise<DatasetFile[]> {
  const { size } = await stat(nodeBinary).catch(() => ({ size: 0 }))
  let offset = 0
  const pieces: DatasetFile[] = []
  for (const [i, bytes] of symbolBytes.entries()) {
    if (offset + bytes > size) break
    pieces.push({ key: `symbols/node.debug.${i + 1}`, role: 'known', path: nodeBinary, offset, bytes })
    offset += bytes
  }
  return pieces
}
