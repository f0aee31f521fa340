// One request by a client of the runner itself, outside of the load and its counts: its status and its body, or null.
import type { ExchangeRequest } from '../load/connection.ts'
import type { Connections } from '../load/connections.ts'

const timeoutMs = 3000

export interface Answered {
  readonly status: number
  readonly body: Buffer
  /** The whole answer came. */
  readonly complete: boolean
}

/** Resolves with null when no head of an answer came within 3 s. */
export function ask(connections: Connections, request: ExchangeRequest): Promise<Answered | null> {
  return new Promise((resolve) => {
    let status: number | null = null
    const chunks: Buffer[] = []
    connections.send(request, timeoutMs, 'kept', {
      onHead: (head) => {
        status = head.status
      },
      onBody: (chunk) => chunks.push(chunk),
      onEnd: ({ kind }) =>
        resolve(
          status === null ? null : { status, body: Buffer.concat(chunks), complete: kind === 'complete' },
        ),
    })
  })
}
