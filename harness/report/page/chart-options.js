// Turns a chart's plain option into what ECharts takes. It runs in the page and in Node, so it is plain JavaScript.
// Plain options are JSON: a colour is written as `var(--name)`, a function as the name of one of the words below.

const units = {
  rate: (value) => `${short(value)}/s`,
  bytesRate: (value) => `${shortBytes(value)}/s`,
  bytes: (value) => shortBytes(value),
  ms: (value) => (value >= 1000 ? `${short(value / 1000)} s` : `${short(value)} ms`),
  count: (value) => short(value),
  ratio: (value) => `${value < 100 ? short(value) : Math.round(value)} ×`,
}

/** The words an option may use for a function: `@clock`, `@unit:ms`, `@nines`, `@tooltip:rate`, `@heat`, `@text`. */
const words = {
  clock: () => (ms) => clock(Number(ms)),
  unit: (_context, name) => (value) => units[name](Number(value)),
  nines: () => (nines) => quantileName(nines),
  tooltip: (context, name) => (items) => timeTooltip(items, units[name], context.speed),
  spectrum: () => (items) => spectrumTooltip(items),
  text: () => (item) => escapeHtml(item.data?.text ?? item.name),
  heat: (context) => (item) => heatTooltip(item, context.speed),
}

/**
 * @param {unknown} option the plain option
 * @param {{ colour: (css: string) => string, speed: number, widthPx: number }} context `colour` turns `var(--x)` into a colour
 * @returns {any} the option for setOption
 */
export function resolveOption(option, context) {
  if (typeof option === 'string') return resolveWord(option, context)
  if (Array.isArray(option)) return option.map((item) => resolveOption(item, context))
  if (option === null || typeof option !== 'object') return option
  if (option.faultLabel) return fitLabel(option, context)
  if (option.markLabel !== undefined) return fitMark(option, context)
  return Object.fromEntries(
    Object.entries(option).map(([key, value]) => [key, resolveOption(value, context)]),
  )
}

function resolveWord(text, context) {
  if (text.startsWith('var(--')) return context.colour(text)
  const word = /^@(\w+)(?::(\w+))?$/.exec(text)
  return word && words[word[1]] ? words[word[1]](context, word[2]) : text
}

const characterPx = 6.1

/** A fault's name when its stretch is wide enough for it, else its number, which the list of faults explains. */
function fitLabel({ faultLabel, ...rest }, context) {
  const { number, name, share, lane } = faultLabel
  const room = share * (context.widthPx - 80)
  const text = `${number} ${name}`
  const formatter = text.length * characterPx <= room ? text.replace(/[{}]/g, '') : String(number)
  return resolveOption({ ...rest, label: { formatter, distance: 4 + lane * 14 } }, context)
}

/** What a line marks, written along it where the chart is wide enough. */
function fitMark({ markLabel, ...rest }, context) {
  const show = markLabel !== '' && context.widthPx >= 600
  const look = { position: 'insideEndTop', color: 'var(--fault)', fontSize: 10, textBorderWidth: 0 }
  return resolveOption({ ...rest, label: { show, formatter: markLabel, ...look } }, context)
}

export function clock(ms) {
  const seconds = Math.floor(ms / 1000)
  const tail = String(seconds % 60).padStart(2, '0')
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${tail}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${tail}`
}

function short(value) {
  if (value === 0) return '0'
  if (Math.abs(value) >= 10_000) return value.toLocaleString('en', { maximumFractionDigits: 0 })
  return String(Number(value.toPrecision(3)))
}

function shortBytes(value) {
  const names = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let rest = value
  while (rest >= 1000 && unit < names.length - 1) {
    rest /= 1000
    unit += 1
  }
  return `${short(rest)} ${names[unit]}`
}

function quantileName(nines) {
  const percent = (1 - 10 ** -nines) * 100
  return `p${Number(percent.toFixed(Math.max(0, Math.ceil(nines) - 2)))}`
}

function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

function row(colour, name, value) {
  const dot = `<i style="background:${escapeHtml(colour)}"></i>`
  return `<div class="tip-row">${dot}<span>${escapeHtml(name)}</span><b>${escapeHtml(value)}</b></div>`
}

function timeTooltip(items, unit, speed) {
  const shown = items.filter((item) => item.value[1] !== null && item.value[1] !== 0)
  const rows = shown.reverse().map((item) => row(item.color, lineName(item), unit(item.value[1])))
  return timeHead(items[0]?.value[0] ?? 0, speed) + rows.join('')
}

/** Several lines may share one name in the legend; the id of such a line says which it is. ECharts makes up the others' ids. */
function lineName({ seriesId, seriesName }) {
  return seriesId.startsWith('\0') ? seriesName : seriesId
}

function timeHead(ms, speed) {
  const calendar = speed === 1 ? '' : `<span> calendar ${clock(ms * speed)}</span>`
  return `<div class="tip-head">${clock(ms)}${calendar}</div>`
}

function spectrumTooltip(items) {
  const rows = items
    .filter((item) => !item.seriesId.startsWith('service of '))
    .map((item) => row(item.color, item.seriesName, units.ms(item.value[1])))
  return `<div class="tip-head">${quantileName(items[0]?.value[0] ?? 0)}</div>${rows.join('')}`
}

function heatTooltip(item, speed) {
  const [, , , reads, ms, lowMs, highMs] = item.value
  return (
    timeHead(ms, speed) +
    row(item.color, `${units.ms(lowMs)} to ${units.ms(highMs)}`, `${short(reads)} reads`)
  )
}
