// The objects that the load asks for, as the origin's manifest lists them.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { ObjectFilter } from './messages.ts'

const objectSchema = z.object({
  key: z.string().min(1),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** As S3 gives it; absent where it doesn't follow from the bytes. */
  etag: z.string().optional(),
  role: z.enum(['known', 'never-read']),
})

export type LoadObject = z.infer<typeof objectSchema>

/** Reads the manifest. Rejects with a sentence that names the line when one is wrong, and when no object is known. */
export async function readManifest(path: string): Promise<{ known: LoadObject[]; neverRead: LoadObject[] }> {
  const lines = (await readFile(path, 'utf8')).split('\n')
  const objects = lines.flatMap((line, i) => (line.trim() === '' ? [] : [parseLine(path, line, i + 1)]))
  const known = objects.filter((object) => object.role === 'known')
  if (known.length === 0) throw new Error(`The manifest ${path} lists no object with the role "known"`)
  return { known, neverRead: objects.filter((object) => object.role === 'never-read') }
}

function parseLine(path: string, line: string, number: number): LoadObject {
  try {
    return objectSchema.parse(JSON.parse(line))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message
    throw new Error(`Line ${number} of the manifest ${path} is no object's description: ${why}`)
  }
}

export function filterObjects(objects: readonly LoadObject[], filter: ObjectFilter): LoadObject[] {
  const keys = filter.keys === undefined ? null : new Set(filter.keys)
  return objects.filter(
    ({ key, bytes }) =>
      key.startsWith(filter.prefix ?? '') &&
      bytes >= (filter.minBytes ?? 0) &&
      bytes <= (filter.maxBytes ?? Number.POSITIVE_INFINITY) &&
      (keys === null || keys.has(key)),
  )
}
