// What every fault is to the experiment: something with an undo that is safe to call at any time, and a proof that it bit.

/** Traffic, connections or processes the fault is known to have acted on, and by whose count. */
export interface Touched {
  readonly count: number
  /** Where the count comes from, for the report: "requests answered 503 by the origin". */
  readonly evidence: string
}

/**
 * A fault bound to its target. The experiment registers `heal` before it calls `apply`, so that it runs on every way out.
 * `heal` may come before, during or after `apply`, and more than once; it resolves only when nothing of the fault is left.
 */
export interface Fault {
  /** As the history names it: `s3-503`, `kill`, `latency`. */
  readonly name: string
  /** Where it acts: a link, a part, the origin, a name. */
  readonly target: string
  /** Drawn at random: it may meet no traffic. */
  readonly drawn?: true
  apply(): Promise<void>
  heal(): Promise<Touched>
}

export interface FaultActs {
  readonly name: string
  readonly target: string
  readonly evidence: string
  apply(): Promise<void>
  /**
   * Puts everything back, also after half an `apply`, and resolves with how much the fault touched. Rejects when
   * something of it is left; a count that can't be had must not keep it in place.
   */
  undo(): Promise<number>
}

/**
 * A fault of these acts: undone once for each time it was applied, never while it is being applied. An undo that failed
 * is tried again by whoever heals next: the way out of the run does.
 */
export function makeFault(acts: FaultActs): Fault {
  const { name, target, evidence } = acts
  let applying: Promise<void> | null = null
  let healing: Promise<Touched> = Promise.resolve({ count: 0, evidence })
  const heal = async (applied: Promise<void>) => {
    const isWhole = await applied.then(
      () => true,
      () => false,
    )
    const touched = await acts.undo()
    return { count: isWhole ? touched : 0, evidence }
  }
  return {
    name,
    target,
    apply() {
      applying = acts.apply()
      return applying
    },
    heal() {
      if (applying === null) return healing
      const applied = applying
      applying = null
      healing = heal(applied)
      healing.catch(() => {
        applying ??= applied
      })
      return healing
    },
  }
}
