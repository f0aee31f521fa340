// Markdown from text that others wrote: nothing in it can become markup.
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** Text from outside as text: no markup, no HTML, no mention, on one line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/&/g, '&amp;')
    .replace(/[\\`*_[\]{}~#]/g, '\\$&')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/\|/g, '&#124;')
    .replace(/@/g, '@\u200b')
}

/** Code as HTML: no backtick or bar in the text can end it, in a table either. */
export function codeSpan(text: string): string {
  return `<code>${escapeMarkdown(text)}</code>`
}
