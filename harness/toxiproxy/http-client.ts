// The HTTP half of toxiproxy-node-client, done anew: theirs drops the server's error text, waits for ever, and
// takes an empty answer of populate for a crash. This is the one place that knows of these defects.
import { messageOf } from '../errors.ts'
import { ApiError } from './api-error.ts'

/** Longer than any change takes: a real Toxiproxy may wait 5 s for a stalled receiver. */
const timeoutMs = 10_000

async function request(method: string, url: string, body?: unknown): Promise<Response> {
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  try {
    return await fetch(url, { method, signal: AbortSignal.timeout(timeoutMs), ...init })
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error
    throw new Error(`Toxiproxy: ${method} ${url} failed: ${messageOf(cause)}`, { cause: error })
  }
}

async function text(method: string, url: string, body?: unknown): Promise<string> {
  const response = await request(method, url, body)
  const answer = await response.text()
  if (response.ok) return answer
  throw new ApiError(`Toxiproxy: ${method} ${url}: ${errorIn(answer)} (${response.status})`, response.status)
}

function errorIn(answer: string): string {
  try {
    return JSON.parse(answer).error ?? answer.trim()
  } catch {
    return answer.trim()
  }
}

async function json(method: string, url: string, body?: unknown) {
  const answer = await text(method, url, body)
  return { data: answer === '' ? undefined : JSON.parse(answer) }
}

/** Has the methods of toxiproxy-node-client's own. Failures are `ApiError` when the server answered, else `Error`. */
export const httpClient = {
  get: (url: string) => json('GET', url),
  post: (url: string, body?: unknown) => json('POST', url, body),
  delete: async (url: string) => void (await text('DELETE', url)),
  getText: (url: string) => text('GET', url),
}
