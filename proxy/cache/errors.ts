// The cache's own error answers, in the XML that S3's clients read. Flow, but free of ports: it only writes.
import type { ProxyResponse } from '../object.ts'
import { type CacheOutcome, statusHeaders } from '../policy/cache-status.ts'

const codes: Readonly<Record<number, string>> = {
  400: 'InvalidRequest',
  403: 'AccessDenied',
  412: 'PreconditionFailed',
  416: 'InvalidRange',
  502: 'BadGateway',
  503: 'ServiceUnavailable',
}

const encoder = new TextEncoder()

export interface ErrorAnswer {
  readonly status: number
  /** One sentence for a person; its words are ours, never a secret or raw input. */
  readonly message: string
  /** For 503: when asking again may help, ms. */
  readonly retryAfterMs?: number
  readonly headOnly: boolean
}

/** S3's error document: Code, Message, and no Resource, which may hold what isn't ours to repeat. */
export function errorAnswer(cacheName: string, outcome: CacheOutcome, answer: ErrorAnswer): ProxyResponse {
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${codes[answer.status]}</Code><Message>${answer.message}</Message></Error>\n`
  const bytes = encoder.encode(text)
  const headers = ['Content-Type', 'application/xml', 'Content-Length', String(bytes.length)]
  if (answer.retryAfterMs !== undefined) {
    headers.push('Retry-After', String(Math.max(1, Math.ceil(answer.retryAfterMs / 1000))))
  }
  headers.push(...statusHeaders(cacheName, outcome))
  return { status: answer.status, headers, body: answer.headOnly ? null : bytes }
}
