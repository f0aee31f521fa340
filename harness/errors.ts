// Errors that end a command with a line for the person who ran it, and the exit codes every command shares.

export const exitCodes = { pass: 0, fail: 1, unknown: 2, usage: 254, crash: 255, interrupted: 130 } as const

/** Something the user can mend: printed as one line, exit 254. Thrown before anything is started, or with everything undone. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UsageError'
  }
}

/** What a run leaves can't be written, all of it or a part: printed as one line, exit 255. */
export class CannotWrite extends Error {
  constructor(what: string, { code, message }: NodeJS.ErrnoException, remedy: string) {
    super(`can't write ${what}: ${code ?? message}; ${remedy}`)
    this.name = 'CannotWrite'
  }
}

/** A scenario acts on a part that the system under test doesn't have: nothing of it can be said about this system. */
export class NotApplicable extends UsageError {
  /** What the system has none of: `cache`, `router`, … */
  readonly lacks: string

  constructor(message: string, lacks: string) {
    super(message)
    this.name = 'NotApplicable'
    this.lacks = lacks
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
