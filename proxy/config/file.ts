// Reads a configuration file: YAML in, a checked value out, or one error that lists every mistake with its place.
import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import type { z } from 'zod'
import { ProxyError } from '../errors.ts'

/** @throws ProxyError `config-invalid` whose message has a line for each mistake. */
export function readConfig<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  const document = parseDocument(textOf(file))
  if (document.errors.length > 0) {
    throw invalid(
      file,
      document.errors.map((error) => error.message.split('\n')[0]!.replace(/:$/, '')),
    )
  }
  const result = schema.safeParse(document.toJS() ?? {})
  if (result.success) return result.data
  throw invalid(file, result.error.issues.flatMap(mistakes))
}

/** The secret in a file, for `…_file` settings: its text without the last line's end. Nobody means an empty one. */
export function secretFrom(file: string): string {
  const secret = textOf(file).trim()
  if (secret !== '') return secret
  throw new ProxyError(`${file} is empty, and should hold a secret`, {
    code: 'config-invalid',
    source: 'config',
  })
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ProxyError(`can't read ${file}: ${code}`, { code: 'config-invalid', source: 'config', cause })
  }
}

function mistakes(issue: z.core.$ZodIssue): string[] {
  const place = issue.path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
  const at = (path: string) => path.replace(/^\./, '') || '(top)'
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at(`${place}.${key}`)}: there is no such setting`)
  }
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('undefined')) {
    return [`${at(place)}: is missing`]
  }
  return [`${at(place)}: ${issue.message}`]
}

function invalid(file: string, lines: readonly string[]): ProxyError {
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`
  const message = `${file} has ${count}:\n${lines.map((line) => `  ${line}`).join('\n')}`
  return new ProxyError(message, { code: 'config-invalid', source: 'config' })
}
