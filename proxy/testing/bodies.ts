// Bodies as tests give and take them.
import type { Body, ProxyResponse } from '../object.ts'
import { collect } from './memory-origin.ts'

/** A body of one piece. */
export async function* once(bytes: Uint8Array | string): AsyncGenerator<Uint8Array> {
  yield typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
}

/** The body of an answer that is known to come in pieces, for reading it piece by piece. */
export function iterate(answer: ProxyResponse): AsyncIterator<Uint8Array> {
  if (answer.body === null || answer.body instanceof Uint8Array) throw new Error('the body is not in pieces')
  return answer.body[Symbol.asyncIterator]()
}

/** What an iterator has left, as one piece. */
export function remainder(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const rest: Body = { [Symbol.asyncIterator]: () => iterator }
  return collect(rest)
}
