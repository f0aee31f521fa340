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
  apply(): Promise<void>
  heal(): Promise<Touched>
}
