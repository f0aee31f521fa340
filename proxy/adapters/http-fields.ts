// Reads header fields strictly (RFC 9112 §5), of requests and of answers: a name, a colon, a value, CR LF. No folding, no
// bare line feed, no space before the colon: nothing that two parsers could read differently. Knows bytes only.

/** Classes of bytes, by bit: 1 a token (RFC 9110 §5.6.2), 2 a target, 4 a field value, 8 a host's name, 16 a digit. */
const TOKEN = 1
export const TARGET = 2
export const VALUE = 4
export const HOST = 8
export const DIGIT = 16
const classes = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte)
  if (/[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(char)) classes[byte]! |= TOKEN
  if (byte > 0x20 && byte < 0x7f && char !== '#') classes[byte]! |= TARGET
  if (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f)) classes[byte]! |= VALUE
  if (/[A-Za-z0-9.-]/.test(char)) classes[byte]! |= HOST
  if (/[0-9]/.test(char)) classes[byte]! |= DIGIT
}

const CR = 0x0d
const LF = 0x0a
export const COLON = 0x3a
export const SLASH = 0x2f

/** The first offset from `from` on whose character is not of the class. */
export function span(text: string, from: number, byteClass: number): number {
  let at = from
  while (at < text.length && classes[text.charCodeAt(at)]! & byteClass) at++
  return at
}

/**
 * The fields from `start` up to the empty line, which is the end of `text` when it is there. `starts` gets the offset of
 * each.
 */
export function parseFields(
  text: string,
  start: number,
  starts?: number[],
): string[] | 'incomplete' | 'malformed' {
  const headers: string[] = []
  let at = start
  while (at < text.length && text.charCodeAt(at) !== CR) {
    const nameEnd = span(text, at, TOKEN)
    if (nameEnd === text.length) return 'incomplete'
    if (nameEnd === at || text.charCodeAt(nameEnd) !== COLON) return 'malformed'
    const valueEnd = span(text, nameEnd + 1, VALUE)
    if (valueEnd + 1 >= text.length) return 'incomplete'
    if (text.charCodeAt(valueEnd) !== CR || text.charCodeAt(valueEnd + 1) !== LF) return 'malformed'
    starts?.push(at)
    headers.push(text.slice(at, nameEnd), trimmed(text, nameEnd + 1, valueEnd))
    at = valueEnd + 2
  }
  if (at + 1 >= text.length) return 'incomplete'
  return text.charCodeAt(at + 1) === LF ? headers : 'malformed'
}

/** A field value without the optional white space around it (RFC 9110 §5.5). */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
