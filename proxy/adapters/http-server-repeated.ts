// The bytes of answers that are given again and again (`repeated`): head and body are copied together once.
import type { ProxyResponse } from '../object.ts'

/** Until whoever gives an answer lets go of it. A changed copy of an answer is another one. */
const wholeAnswers = new WeakMap<ProxyResponse, Buffer>()

/** The whole answer as it was sent on a connection that stays open, if it was. */
export function wholeAnswer(answer: ProxyResponse): Buffer | undefined {
  return answer.repeated ? wholeAnswers.get(answer) : undefined
}

/** Puts an answer together and keeps it for `wholeAnswer`. `head`: latin1, of a connection that stays open. */
export function keepWhole(answer: ProxyResponse, head: string, body: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafeSlow(head.length + body.length)
  whole.write(head, 0, 'latin1')
  whole.set(body, head.length)
  wholeAnswers.set(answer, whole)
  return whole
}
