// How a run that was refused tells the command that started it why: over the channel between the two processes, when
// there is one.
import type { ChildProcess } from 'node:child_process'
import { z } from 'zod'
import { NotApplicable, type UsageError } from '../errors.ts'

const refusalSchema = z.object({
  type: z.literal('refused'),
  reason: z.string(),
  /** What the system has none of, when that is why; otherwise null: the user can mend it. */
  lacks: z.string().nullable(),
})

export type Refusal = Omit<z.infer<typeof refusalSchema>, 'type'>

/** Resolves when the message is out. */
export async function tellOfRefusal(error: UsageError): Promise<void> {
  if (!process.send) return
  const lacks = error instanceof NotApplicable ? error.lacks : null
  const message = { type: 'refused', reason: error.message, lacks }
  await new Promise((resolve) => process.send!(message, undefined, undefined, resolve))
}

/** What the child says of having been refused, if it ever does. */
export function hearRefusal(child: ChildProcess): () => Refusal | null {
  let refusal: Refusal | null = null
  child.on('message', (message) => {
    const { data } = refusalSchema.safeParse(message)
    if (data) refusal = { reason: data.reason, lacks: data.lacks }
  })
  return () => refusal
}
