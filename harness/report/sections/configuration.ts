// What was asked for and filled in, as it was used; secrets were masked before they reached the history.
import { stringify } from 'yaml'
import { type Html, html } from '../html.ts'
import type { ReportModel } from '../model.ts'

export function configurationSection(model: ReportModel): Html {
  const parts = Object.entries(model.configuration).map(
    ([name, value]) => html`<details><summary>${name}</summary>${configurationValue(value)}</details>`,
  )
  return html`<section id="configuration"><h2>Configuration used</h2>${
    parts.length > 0 ? parts : html`<p>The history names no configuration.</p>`
  }</section>`
}

/** Files (text of several lines) stand as they are, each under its name; the rest as YAML. */
function configurationValue(value: unknown): Html {
  if (typeof value === 'string') return html`<pre tabindex="0">${value}</pre>`
  if (!holdsFiles(value)) return html`<pre tabindex="0">${stringify(value)}</pre>`
  return html`${Object.entries(value).map(([name, text]) => html`<h3>${name}</h3>${configurationValue(text)}`)}`
}

function holdsFiles(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).some((text) => typeof text === 'string' && text.includes('\n'))
  )
}
