// Requests as a test writes them, with a connection that the test can cut.
import type { Body, HeaderList, ProxyRequest } from '../object.ts'
import type { Log, LogFields } from '../ports.ts'

export interface TestRequest extends ProxyRequest {
  /** Cuts the client's connection. */
  leave(): void
}

/** A request for `target`, by default a GET with Host s3.test and no signature. */
export function request(
  target: string,
  more: { method?: string; headers?: HeaderList; body?: Body; receivedMs?: number } = {},
): TestRequest {
  const controller = new AbortController()
  return {
    method: more.method ?? 'GET',
    target,
    headers: ['Host', 's3.test', ...(more.headers ?? [])],
    body: more.body ?? null,
    receivedMs: more.receivedMs ?? 0,
    clientAddress: '127.0.0.1',
    signal: controller.signal,
    leave: () => controller.abort(),
  }
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: LogFields
}

/** A log that remembers its lines. */
export function memoryLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const keep =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) => {
      lines.push({ level, message, fields })
    }
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}
