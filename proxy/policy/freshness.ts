// Decides how long an answer of the origin may be served without asking again. Pure: time comes in as an argument.

/** `valid` of the configuration: how long answers with this status under this prefix of "bucket/key" stay fresh. */
export interface ValidRule {
  /** "" for every key. */
  readonly prefix: string
  readonly status: number
  readonly timeMs: number
}

/** The longest matching prefix decides; of equal ones the first in the file. null: such answers are not kept. */
export function validMs(rules: readonly ValidRule[], base: string, status: number): number | null {
  let best: ValidRule | null = null
  for (const rule of rules) {
    if (rule.status !== status || !base.startsWith(rule.prefix)) continue
    if (best === null || rule.prefix.length > best.prefix.length) best = rule
  }
  return best === null ? null : best.timeMs
}
