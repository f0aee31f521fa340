// An HTML table; on a phone each row becomes a card, its cells named by their column.
import { type Html, type HtmlValue, html } from '../html.ts'

export interface Column {
  readonly head: string
  readonly isNumber?: boolean
}

export interface Cell {
  readonly value: HtmlValue
  readonly isBad?: boolean
}

/** The first cell of each row is its head. */
export function table(columns: readonly Column[], rows: readonly (readonly (HtmlValue | Cell)[])[]): Html {
  const head = columns.map((column) => html`<th scope="col"${numberClass(column)}>${column.head}</th>`)
  const body = rows.map(
    (row) => html`<tr>${row.map((cell, i) => (i === 0 ? rowHead(cell) : dataCell(columns[i]!, cell)))}</tr>`,
  )
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${columns[0]!.head || 'table'}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

function rowHead(cell: HtmlValue | Cell): Html {
  return html`<th scope="row">${contentOf(cell)}</th>`
}

function dataCell(column: Column, cell: HtmlValue | Cell): Html {
  const isBad = isCell(cell) && cell.isBad
  const names = [column.isNumber && 'num', isBad && 'bad'].filter(Boolean).join(' ')
  return html`<td data-label="${column.head}"${names && html` class="${names}"`}><span>${contentOf(cell)}</span></td>`
}

function numberClass(column: Column): Html | '' {
  return column.isNumber ? html` class="num"` : ''
}

function isCell(cell: HtmlValue | Cell): cell is Cell {
  return typeof cell === 'object' && cell !== null && 'value' in cell
}

function contentOf(cell: HtmlValue | Cell): HtmlValue {
  return isCell(cell) ? cell.value : cell
}
