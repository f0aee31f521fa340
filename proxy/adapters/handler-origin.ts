// A role of this very process in the place of a server: how the router of `both` asks its cache. No socket, no copy.
import type { Body, Handler, ProxyResponse } from '../object.ts'
import type { Clock, Origin, OriginRequest, OriginResponse } from '../ports.ts'
import { isSafe, originError } from './http-origin-errors.ts'
import { cancelBody } from './http-server-body.ts'
import { isBodiless } from './http-server-head.ts'
import { FirstByteTimer } from './stage-timers.ts'

/** `firstByteMs` bounds the time to the head of an answer, as it would over a connection. */
export function createHandlerOrigin(
  name: string,
  handler: Handler,
  firstByteMs: number,
  clock: Clock,
): Origin {
  return {
    name,
    async fetch(request: OriginRequest): Promise<OriginResponse> {
      const { method, target, headers } = request
      const timer = new FirstByteTimer(request.firstByteMs ?? firstByteMs, isSafe(method), request.signal)
      const body = request.body && timer.after(request.body)
      if (body === null) timer.start()
      const { signal } = timer
      const asked = { method, target, headers, body, signal, clientAddress: '127.0.0.1' }
      try {
        const answer = await unlessAborted(handler({ ...asked, receivedMs: clock.monotonicMs() }), signal)
        return { status: answer.status, headers: answer.headers, body: bodyOf(answer, method) }
      } catch (error) {
        throw originError(error, { method, stage: 'waiting', name })
      } finally {
        timer.stop()
      }
    },
  }
}

/** The answer, or the reason of the signal; an answer that nobody waits for any more is let go. */
function unlessAborted(
  pending: ProxyResponse | Promise<ProxyResponse>,
  signal: AbortSignal,
): ProxyResponse | Promise<ProxyResponse> {
  if (!(pending instanceof Promise)) return pending
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(signal.reason)
      pending.then(({ body }) => cancelBody(body)).catch(() => {})
    }
    if (signal.aborted) return leave()
    signal.addEventListener('abort', leave, { once: true })
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

function bodyOf({ status, body }: ProxyResponse, method: string): Body {
  if (body === null) return pieces()
  if (body instanceof Uint8Array) return isBodiless(method, status) ? pieces() : pieces(body)
  if (!isBodiless(method, status)) return body
  cancelBody(body)
  return pieces()
}

async function* pieces(...all: Uint8Array[]): Body {
  yield* all
}
