// What a fault is to the experiment: something that can be applied, healed, and proved to have touched traffic.

/** Traffic that a fault is known to have touched, and who says so. A count of 0 makes the verdict unknown. */
export interface Touched {
  readonly count: number
  readonly evidence: string
}

/** What a fault may ask about the run it is part of, to prove that it bit. */
export interface FaultWitness {
  /** Arrivals that did not end ok, by intended start, since `sinceMs` of the run's clock. */
  failuresSince(sinceMs: number): number
  nowMs(): number
}

export interface Fault {
  /** What goes wrong, in a word or three: "refused", "503", "killed". */
  readonly name: string
  /** Where: a link, a part, "s3", a name. Name and target together identify a fault. */
  readonly target: string
  /** The experiment registers `heal` before it calls this; a fault that applied half-way must heal all the same. */
  apply(witness: FaultWitness): Promise<void>
  /** Idempotent. Resolves with the proof once nothing of the fault remains. */
  heal(): Promise<Touched>
}
