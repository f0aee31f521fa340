// The uploads of a run: makes their bodies from the seed, remembers what was acknowledged, and asks the origin for it.
import { hash } from 'node:crypto'
import type { UploadLine } from '../history/events.ts'
import type { LoadObject } from './objects.ts'
import { type Draw, randomStream } from './random.ts'

const smallestBytes = 1024
const largestBytes = 65_536

interface Acknowledged extends LoadObject {
  readonly phase: string
}

export class Uploads {
  readonly #prefix: string
  readonly #draw: Draw
  readonly #acknowledged: Acknowledged[] = []
  #count = 0

  constructor(prefix: string, seed: number) {
    this.#prefix = `${prefix}seed-${seed}/`
    this.#draw = randomStream(seed, 'uploads')
  }

  /** A key nobody has used and a body of 1 to 64 KiB, sizes spread evenly over the orders of magnitude. */
  next(): { key: string; body: Buffer } {
    const bytes = Math.round(smallestBytes * (largestBytes / smallestBytes) ** this.#draw())
    const body = Buffer.alloc(bytes)
    for (let i = 0; i < bytes; i += 4)
      body.writeUInt32LE((this.#draw() * 2 ** 32) >>> 0, Math.min(i, bytes - 4))
    return { key: `${this.#prefix}${++this.#count}`, body }
  }

  acknowledge(phase: string, key: string, body: Buffer): void {
    this.#acknowledged.push({ phase, key, bytes: body.length, sha256: hash('sha256', body), role: 'known' })
  }

  /** Has `holds` look for every acknowledged upload, a few at a time; one line for each phase that had any. */
  async verify(holds: (object: LoadObject) => Promise<boolean>): Promise<UploadLine[]> {
    const lost = new Set<string>()
    const queue = this.#acknowledged.values()
    const worker = async () => {
      for (const object of queue) if (!(await holds(object))) lost.add(object.key)
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    return [...Map.groupBy(this.#acknowledged, ({ phase }) => phase)].map(([phase, objects]) => {
      const missing = objects.filter(({ key }) => lost.has(key)).map(({ key }) => key)
      const acknowledged = objects.length
      return {
        type: 'upload',
        phase,
        acknowledged,
        heldByOrigin: acknowledged - missing.length,
        lost: missing,
      }
    })
  }
}
