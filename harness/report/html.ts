// HTML that can't be injected into: every value put into an html`…` template is escaped, unless it is Html itself.

export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[]

/** Builds HTML; strings and numbers are escaped, arrays are joined, null, undefined and false are nothing. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let text = strings[0]!
  values.forEach((value, i) => {
    text += render(value) + strings[i + 1]!
  })
  return new Html(text)
}

/** Text that is HTML already: our own style sheet, our own script, a chart drawn by our renderer. Never data. */
export function trusted(text: string): Html {
  return new Html(text)
}

/** JSON inside a script element: no `<` can end the element early. */
export function jsonScript(id: string, value: unknown): Html {
  const json = JSON.stringify(value)
    .replace(/</g, '\\u003c')
    .replace(/\u2028/g, '\\u2028')
    .replace(/\u2029/g, '\\u2029')
  return html`<script type="application/json" id="${id}">${trusted(json)}</script>`
}

export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
}

function render(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (Array.isArray(value)) return value.map(render).join('')
  return escapeHtml(String(value))
}
