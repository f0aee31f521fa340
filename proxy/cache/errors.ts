// The cache's own error answers, in the XML that S3's clients read. Flow, but free of ports: it only writes.
import type { HeaderList, ProxyResponse } from '../object.ts'
import { type CacheOutcome, statusHeaders } from '../policy/cache-status.ts'

export interface ErrorAnswer {
  readonly status: number
  /** S3's code, which clients decide by. */
  readonly code: string
  /** One sentence for a person; its words are ours, never a secret or raw input. */
  readonly message: string
  readonly headers?: HeaderList
  readonly headOnly: boolean
}

const encoder = new TextEncoder()

/** S3's error document: Code and Message, and no Resource, which may hold what isn't ours to repeat. */
export function errorAnswer(cacheName: string, outcome: CacheOutcome, answer: ErrorAnswer): ProxyResponse {
  const { status, code, message } = answer
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>\n`
  const bytes = encoder.encode(text)
  const headers = [
    'Content-Type',
    'application/xml',
    'Content-Length',
    String(bytes.length),
    ...(answer.headers ?? []),
    ...statusHeaders(cacheName, outcome),
  ]
  return { status, headers, body: answer.headOnly ? null : bytes }
}

/** Whole seconds, at least one, as Retry-After counts. */
export function retryAfter(ms: number): HeaderList {
  return ['Retry-After', String(Math.max(1, Math.ceil(ms / 1000)))]
}
