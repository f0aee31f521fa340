// What every benchmark returns; `main.ts` prints it as a table and writes it as JSON.

/** For rows that are there to be known. */
export const noGoal = '–'

export interface BenchRow {
  readonly case: string
  readonly unit: string
  readonly ours: number
  /** What it is compared with, measured in the same run; null where there is nothing to compare with. */
  readonly other: number | null
  /** ours / other; null without `other`. */
  readonly ratio: number | null
  /** The goal in words, such as `≤ 2000` or `ratio ≥ 1.3`, or `noGoal`. */
  readonly goal: string
  /** True without a goal. */
  readonly met: boolean
}

export interface BenchResult {
  readonly bench: string
  readonly machine: string
  readonly rows: readonly BenchRow[]
}
