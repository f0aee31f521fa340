// Brings the page's charts to life: hover, zoom, keyboard. The page is whole without it: charts stand in it as SVG.
// The report's builder puts this text, chart-options.js and ECharts into the page; nothing is fetched.
/* global echarts, resolveOption */
const data = JSON.parse(document.getElementById('charts').textContent)
const root = document.documentElement
const live = new Map()

/** A CSS colour as the reader's scheme has it now. */
function colour(css) {
  return getComputedStyle(root).getPropertyValue(css.slice(4, -1)).trim()
}

function optionOf(chart, widthPx) {
  return resolveOption(chart.option, { colour, speed: data.speed, widthPx })
}

function draw(chart) {
  const figure = document.getElementById(`chart-${chart.id}`)
  const place = figure?.querySelector('.live')
  if (!place || place.clientWidth === 0) return
  const instance = live.get(chart.id) ?? start(chart, figure, place)
  instance.resize()
  instance.setOption(optionOf(chart, place.clientWidth), { notMerge: true })
}

function start(chart, figure, place) {
  place.style.height = `${chart.heightPx}px`
  const instance = echarts.init(place, null, { renderer: 'canvas' })
  live.set(chart.id, instance)
  if (chart.group) {
    instance.group = chart.group
    echarts.connect(chart.group)
    listenToKeys(figure.id, instance)
  }
  return instance
}

/** Arrows move the pointer in time, + and − zoom, Escape shows the whole run again. */
function listenToKeys(figureId, instance) {
  let index = -1
  let window = [0, 100]
  const zoom = (factor) => {
    const middle = (window[0] + window[1]) / 2
    const half = Math.min(50, ((window[1] - window[0]) / 2) * factor)
    const start = Math.min(Math.max(0, middle - half), 100 - 2 * half)
    window = [start, start + 2 * half]
    instance.dispatchAction({ type: 'dataZoom', start: window[0], end: window[1] })
  }
  const move = (step) => {
    const points = instance.getOption().series[0]?.data?.length ?? 0
    index = Math.min(Math.max(0, index + step), points - 1)
    instance.dispatchAction({ type: 'showTip', seriesIndex: 0, dataIndex: index })
  }
  const reset = () => {
    window = [0, 100]
    index = -1
    instance.dispatchAction({ type: 'dataZoom', start: 0, end: 100 })
    instance.dispatchAction({ type: 'hideTip' })
  }
  const keys = {
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    '+': () => zoom(0.5),
    '-': () => zoom(2),
    Escape: reset,
  }
  document.addEventListener('keydown', (event) => {
    const act = keys[event.key]
    if (document.activeElement?.id !== figureId || !act || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    act()
  })
}

function drawAll() {
  for (const chart of data.charts) draw(chart)
}

root.classList.add('js')
drawAll()
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
let resizing = 0
addEventListener('resize', () => {
  cancelAnimationFrame(resizing)
  resizing = requestAnimationFrame(drawAll)
})

/** Takes a newer report into the page: charts stay alive where they are, and what was unfolded stays so. */
function update({ title, body, charts }) {
  const main = document.querySelector('main')
  const next = document.createElement('main')
  next.innerHTML = body
  for (const place of next.querySelectorAll('figure .live')) {
    const old = document.getElementById(place.parentElement.id)?.querySelector('.live')
    if (old) place.replaceWith(old)
  }
  const unfolded = new Set(
    [...main.querySelectorAll('details[open] > summary')].map((summary) => summary.textContent),
  )
  for (const summary of next.querySelectorAll('details > summary')) {
    if (unfolded.has(summary.textContent)) summary.parentElement.open = true
  }
  main.replaceChildren(...next.childNodes)
  document.title = title
  data.charts = charts
  drawAll()
}

if (data.isLive) {
  const events = new EventSource('events')
  events.addEventListener('report', (event) => update(JSON.parse(event.data)))
  events.addEventListener('end', () => events.close())
}
