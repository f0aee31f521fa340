// Structured log lines on stderr, written by pino. Masks what looks like a secret, whoever passed it.
import pino, { type DestinationStream } from 'pino'
import type { Log, LogFields } from '../ports.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

const secretParameter =
  /((?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|Signature|AWSAccessKeyId)=)[^&\s"]+/gi
const secretHeader = /\b(authorization|x-amz-security-token|cookie)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi
const secretField =
  /^(authorization|secret|secret_?key|password|token|cookie|x-amz-security-token|x-amz-signature)$/i

/** The text with signatures, tokens and credentials replaced. */
export function masked(text: string): string {
  return text.replace(secretParameter, '$1***').replace(secretHeader, '$1$2***')
}

function maskedFields(fields: LogFields): Record<string, unknown> {
  const safe: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (secretField.test(name)) safe[name] = '***'
    else safe[name] = typeof value === 'string' ? masked(value) : value
  }
  return safe
}

/** A log that names its `role` on every line and writes to `destination` (stderr by default). */
export function createLog(role: string, level: LogLevel, destination?: DestinationStream): Log {
  const logger = pino(
    { level, base: { role }, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message' },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
  const at =
    (name: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logger.isLevelEnabled(name)) logger[name](maskedFields(fields), masked(message))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
