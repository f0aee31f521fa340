// Finds where the first JSON value of a text ends, or what is wrong with it in the words of Go's encoding/json, which
// clients see. A text is given as Go sees it: one character a byte (latin1). Iterative, so that no depth can overflow.

/** What may come next at the place the scan has come to. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma'

/** As Go's, whose nesting ends there. */
const maxDepth = 10_000

const space = /[ \t\r\n]*/y
/** What may stand in a string: all but control characters, quotes and wrong escapes. */
const sound = /(?:[ !#-[\]-\xff]+|\\["\\/bfnrt]|\\u[\da-fA-F]{4})*/y
const digits = /\d*/y

/** The end of the first value. Throws an Error with Go's words, such as "unexpected EOF", when the text has none. */
export function endOfValue(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  for (;;) {
    at = past(space, text, at)
    if (at === text.length) throw new Error(open.length === 0 ? 'EOF' : 'unexpected EOF')
    const character = text[at]!
    const kind: Expected = expected
    if (closes(character, kind, open.at(-1))) {
      open.pop()
      at += 1
      expected = 'comma'
    } else if (kind === 'colon' || kind === 'comma') {
      expected = afterPunctuation(character, kind, open.at(-1)!)
      at += 1
    } else if (character === '{' || character === '[') {
      if (kind.startsWith('key')) throw invalid(character, 'looking for beginning of object key string')
      if (open.push(character) > maxDepth) throw invalid(character, 'exceeded max depth')
      at += 1
      expected = character === '{' ? 'key or }' : 'value or ]'
    } else {
      at = kind.startsWith('key') ? endOfKey(text, at) : endOfScalar(text, at)
      expected = kind.startsWith('key') ? 'colon' : 'comma'
    }
    if (expected === 'comma' && open.length === 0) return at
  }
}

function closes(character: string, expected: Expected, innermost: '{' | '[' | undefined): boolean {
  if (innermost === '{') return character === '}' && (expected === 'key or }' || expected === 'comma')
  return innermost === '[' && character === ']' && (expected === 'value or ]' || expected === 'comma')
}

function afterPunctuation(character: string, expected: 'colon' | 'comma', innermost: '{' | '['): Expected {
  if (expected === 'colon') {
    if (character !== ':') throw invalid(character, 'after object key')
    return 'value'
  }
  const where = innermost === '{' ? 'after object key:value pair' : 'after array element'
  if (character !== ',') throw invalid(character, where)
  return innermost === '{' ? 'key' : 'value'
}

function endOfKey(text: string, at: number): number {
  if (text[at] !== '"') throw invalid(text[at], 'looking for beginning of object key string')
  return endOfString(text, at)
}

function endOfScalar(text: string, at: number): number {
  const character = text[at]!
  if (character === '"') return endOfString(text, at)
  if (/[-\d]/.test(character)) return endOfNumber(text, at)
  const literal = ['true', 'false', 'null'].find((word) => word[0] === character)
  if (literal === undefined) throw invalid(character, 'looking for beginning of value')
  return endOfLiteral(text, at, literal)
}

function endOfString(text: string, start: number): number {
  const at = past(sound, text, start + 1)
  if (text[at] === '"') return at + 1
  if (text[at] !== '\\') throw invalid(text[at], 'in string literal')
  if (text[at + 1] !== 'u') throw invalid(text[at + 1], 'in string escape code')
  const wrong = /[^\da-fA-F]/.exec(text.slice(at + 2))?.[0]
  throw invalid(wrong, 'in \\u hexadecimal character escape')
}

function endOfNumber(text: string, start: number): number {
  let at = text[start] === '-' ? start + 1 : start
  at = text[at] === '0' ? at + 1 : someDigits(text, at, 'in numeric literal')
  if (text[at] === '.') at = someDigits(text, at + 1, 'after decimal point in numeric literal')
  if (!/^e$/i.test(text[at] ?? '')) return at
  const signed = /^[-+]$/.test(text[at + 1] ?? '') ? at + 2 : at + 1
  return someDigits(text, signed, 'in exponent of numeric literal')
}

function someDigits(text: string, start: number, where: string): number {
  const at = past(digits, text, start)
  if (at === start) throw invalid(text[at], where)
  return at
}

function endOfLiteral(text: string, start: number, literal: string): number {
  const wrong = [...literal].findIndex((letter, index) => text[start + index] !== letter)
  if (wrong < 0) return start + literal.length
  throw invalid(text[start + wrong], `in literal ${literal} (expecting '${literal[wrong]}')`)
}

function past(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  pattern.test(text)
  return pattern.lastIndex
}

function invalid(character: string | undefined, where: string): Error {
  if (character === undefined) return new Error('unexpected EOF')
  return new Error(`invalid character ${quoted(character)} ${where}`)
}

const named: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  "'": "\\'",
}

/** A byte as Go quotes it, taken for a character of latin1. */
function quoted(character: string): string {
  const code = character.charCodeAt(0)
  const hex = (width: number) => code.toString(16).padStart(width, '0')
  if (named[character] !== undefined) return `'${named[character]}'`
  if (code < 0x20 || code === 0x7f) return `'\\x${hex(2)}'`
  return (code >= 0x80 && code <= 0xa0) || code === 0xad ? `'\\u${hex(4)}'` : `'${character}'`
}
