// Adds up what toxics did to connections: the harness's proof that a fault was real.
import type { ConnectionView } from './connection.ts'
import { directions } from './toxics/toxic.ts'

/** `hits` counts chunks and closes that were dropped, held back, cut or altered; `connections` those that had any. */
export interface Touch {
  readonly hits: number
  readonly connections: number
}

export class Touches {
  readonly #byToxic: Map<string, Touch>

  constructor(byToxic: ReadonlyMap<string, Touch> = new Map()) {
    this.#byToxic = new Map(byToxic)
  }

  add(view: ConnectionView): void {
    for (const direction of directions) {
      for (const [toxic, hits] of Object.entries(view[direction].toxics)) {
        const known = this.#byToxic.get(toxic) ?? { hits: 0, connections: 0 }
        this.#byToxic.set(toxic, { hits: known.hits + hits, connections: known.connections + 1 })
      }
    }
  }

  /** A toxic is added again under its name: what the one before it touched proves nothing of it. */
  forget(toxic: string): void {
    this.#byToxic.delete(toxic)
  }

  copy(): Touches {
    return new Touches(this.#byToxic)
  }

  byToxic(): Record<string, Touch> {
    return Object.fromEntries(this.#byToxic)
  }
}
