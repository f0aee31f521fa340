// Decides by Vary whether a stored answer was made for a request like this one (RFC 9111 §4.1). Pure.
import { type HeaderList, headerValue, headerValues } from '../object.ts'

/** The request's values of the headers an answer varies on; undefined when it varies on none. */
export function selecting(answer: HeaderList, request: HeaderList): HeaderList | undefined {
  const names = headerValues(answer, 'vary')
    .flatMap((value) => value.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '')
  if (names.length === 0) return undefined
  return names.flatMap((name) => [name, selectingValue(request, name)])
}

export function selects(stored: HeaderList | undefined, request: HeaderList): boolean {
  if (stored === undefined) return true
  for (let i = 0; i < stored.length; i += 2) {
    if (selectingValue(request, stored[i]!) !== stored[i + 1]) return false
  }
  return true
}

function selectingValue(request: HeaderList, name: string): string {
  if (headerValue(request, name) === undefined) return ''
  return headerValues(request, name)
    .join(',')
    .replace(/\s*,\s*/g, ',')
    .trim()
}
