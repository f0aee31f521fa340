// A cache node's answer to a router's check: given by the node itself, whatever becomes of S3.
import type { Handler, ProxyResponse } from '../object.ts'
import { cacheNodeCheckUri } from '../router/options.ts'

const body = new TextEncoder().encode('ok\n')
const headers = [
  'Content-Type',
  'text/plain',
  'Content-Length',
  String(body.length),
  'Cache-Control',
  'no-store',
]

/** `handler`, with checks answered before it sees them. */
export function withHealthCheck(handler: Handler): Handler {
  return (request) => (request.target === cacheNodeCheckUri ? healthy(request.method) : handler(request))
}

function healthy(method: string): ProxyResponse {
  return { status: 200, headers, body: method === 'HEAD' ? null : body }
}
