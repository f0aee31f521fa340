// The live page of the router: draws what /events tells, and sends an operator's calls. Plain DOM, nothing from elsewhere.

const spansMinutes = { '5 min': 5, '1 h': 60, '3 h': 180, '24 h': 1440 }
const keptSeconds = 300
const byId = (id) => document.getElementById(id)

let spanName = '1 h'
let state = null
let transitions = []
const samples = []

const source = new EventSource('/events')
source.addEventListener('hello', (event) => {
  const hello = JSON.parse(event.data)
  transitions = hello.transitions
  show(hello)
})
source.addEventListener('state', (event) => show(JSON.parse(event.data)))
source.addEventListener('transition', (event) => {
  const transition = JSON.parse(event.data)
  transitions.push(transition)
  const changed = state?.backends.find(({ name }) => name === transition.backend)
  if (changed)
    Object.assign(changed, { state: transition.to, because: transition.because, since: transition.wallMs })
  if (state) draw()
})
source.onopen = () => showLive(true, 'live')
source.onerror = () => showLive(false, 'router does not answer')

function showLive(isLive, text) {
  byId('live').dataset.live = isLive
  byId('live').textContent = text
}

function show(next) {
  samples.push({
    at: next.now,
    rate: next.totals.perSecond,
    p99: next.totals.firstByteMs.p99,
    // A router that was started anew counts from 0.
    refused: state ? Math.max(0, next.totals.refused - state.totals.refused) : 0,
  })
  if (samples.length > keptSeconds) samples.shift()
  state = next
  draw()
}

function draw() {
  byId('name').textContent = state.name
  byId('tiles').replaceChildren(...tiles())
  drawServers()
  drawChanges()
  drawChart(
    'rate',
    (sample) => sample.rate,
    (value) => value.toLocaleString(),
  )
  drawChart(
    'p99',
    (sample) => sample.p99,
    (value) => value.toFixed(1),
  )
  drawChart(
    'refused',
    (sample) => sample.refused,
    (value) => value.toLocaleString(),
  )
}

function tiles() {
  const { totals, backends, now } = state
  const origins = backends.filter(({ backup }) => backup)
  const nodes = backends.filter(({ backup }) => !backup)
  const up = nodes.filter((one) => one.state === 'up').length
  return [
    ...origins.map((one) => originTile(one, now)),
    tile('cache nodes up', `${up} of ${nodes.length}`, '', up === 0 && nodes.length > 0 ? 'down' : 'up'),
    tile('requests a second', totals.perSecond.toLocaleString(), requestsStory(totals)),
    tile(
      'first byte p99',
      `${totals.firstByteMs.p99} ms`,
      `median ${totals.firstByteMs.p50} ms, last 1–2 minutes`,
    ),
    tile('refused', totals.refused.toLocaleString(), 'answered 503 by the router itself'),
    tile('served', bytes(totals.bytesOut), `in ${duration(now - totals.startedAt)}`),
  ]
}

function requestsStory({ requests, memoryHits }) {
  const all = `${requests.toLocaleString()} in all`
  return memoryHits > 0 ? `${all}, ${memoryHits.toLocaleString()} from memory` : all
}

/** How long the origin was away, in hours and minutes. */
function originTile(one, now) {
  const away = duration(one.downtimeMs)
  const since = duration(now - one.since)
  const isUp = one.state === 'up'
  const story = isUp ? `reachable for ${since}, ${times(one.timesDown)}` : `${one.state} for ${since}`
  return tile(`${one.name} downtime`, away, story, one.state)
}

function tile(label, value, story, tileState = 'up') {
  const box = element('div', { className: 'tile' }, [
    element('span', {}, [label]),
    element('b', {}, [value]),
    element('span', {}, [story]),
  ])
  box.dataset.state = tileState
  return box
}

/** Rows are kept, so that a button isn't replaced under an operator's finger. */
function drawServers() {
  const body = byId('servers')
  for (const one of state.backends) {
    let row = [...body.children].find(({ dataset }) => dataset.name === one.name)
    if (!row) {
      row = element(
        'tr',
        {},
        [...Array(10)].map(() => element('td', {}, [])),
      )
      row.dataset.name = one.name
      row.append(
        element(
          'td',
          {},
          ['ready', 'drain', 'maint'].map((mode) => modeButton(one.name, mode)),
        ),
      )
      body.append(row)
    }
    const cells = cellsOf(one)
    cells.forEach((content, i) => {
      row.children[i].replaceChildren(...content)
      row.children[i].className = i === 2 ? 'strip' : i > 4 ? 'n' : ''
    })
  }
  for (const row of [...body.children]) {
    if (!state.backends.some(({ name }) => name === row.dataset.name)) row.remove()
  }
}

function cellsOf(one) {
  const { p50, p90, p99 } = one.firstByteMs
  const note = (text) => element('small', {}, [text])
  return [
    [
      element('b', {}, [one.name]),
      note(`${one.backup ? 'backup · ' : ''}${one.url}${addressStory(one.addresses)}`),
    ],
    [
      pill(one.state),
      note(`${duration(state.now - one.since)} · ${one.because}${one.flapping ? ' · flapping' : ''}`),
    ],
    [strip(one)],
    checkCell(one.lastCheck, note),
    [duration(one.downtimeMs), note(times(one.timesDown))],
    [one.perSecond.toLocaleString(), note(`${one.requests.toLocaleString()} in all`)],
    [
      one.errors.toLocaleString(),
      note(`${one.retries.toLocaleString()} retried, ${one.resumed.toLocaleString()} resumed`),
    ],
    [bytes(one.bytesOut), note(`${bytes(one.bytesIn)} in`)],
    [`${p50} ms`, note(`p90 ${p90}, p99 ${p99} ms`)],
    [String(one.inFlight), note(`${one.queued} queued`)],
  ]
}

/** Worth a word where a name has several addresses, or one that connections avoid. */
function addressStory(addresses) {
  const down = addresses.filter((one) => one.state === 'down')
  if (addresses.length < 2 && down.length === 0) return ''
  const why = down.map((one) => `${one.address} down: ${one.lastError}`)
  return ` · ${[`${addresses.length - down.length} of ${addresses.length} addresses up`, ...why].join(', ')}`
}

function checkCell(check, note) {
  if (!check) return ['not checked']
  return [
    `${check.ok ? '✓' : '✗'} ${check.result}`,
    note(`${check.tookMs} ms, ${duration(state.now - check.at)} ago`),
  ]
}

function pill(name) {
  const made = element('span', { className: 'pill' }, [name])
  made.dataset.state = name
  return made
}

/** The states of one server over the chosen span, one rectangle each. */
function strip(one) {
  const endMs = state.now
  const startMs = endMs - spansMinutes[spanName] * 60_000
  const x = (ms) => (1000 * (Math.max(startMs, ms) - startMs)) / (endMs - startMs)
  const svg = svgElement('svg', { viewBox: '0 0 1000 22', preserveAspectRatio: 'none', role: 'img' })
  for (const { from, to, name } of spansOf(one, startMs, endMs)) {
    const rect = svgElement('rect', {
      x: x(from),
      width: Math.max(2, x(to) - x(from)),
      height: 22,
      'data-state': name,
    })
    const title = svgElement('title', {})
    title.textContent = `${name} from ${clock(from)} for ${duration(to - from)}`
    rect.append(title)
    svg.append(rect)
  }
  return svg
}

function spansOf(one, startMs, endMs) {
  const own = transitions.filter(({ backend }) => backend === one.name)
  const beganMs = Math.min(state.totals.startedAt, endMs)
  const spans = beganMs > startMs ? [{ from: startMs, to: beganMs, name: 'unknown' }] : []
  let from = beganMs
  let name = own[0]?.from ?? one.state
  for (const transition of own) {
    spans.push({ from, to: transition.wallMs, name })
    from = transition.wallMs
    name = transition.to
  }
  spans.push({ from, to: endMs, name })
  return spans.filter((span) => span.to > startMs)
}

function drawChanges() {
  const items = transitions.slice(-100).reverse().map(changeItem)
  byId('changes').replaceChildren(...(items.length > 0 ? items : [element('li', {}, ['none so far'])]))
}

function changeItem({ backend, from, to, because, wallMs }) {
  const dot = element('span', { className: 'dot' }, [])
  dot.dataset.state = to
  const time = element('time', { dateTime: new Date(wallMs).toISOString() }, [clock(wallMs)])
  return element('li', {}, [dot, time, element('b', {}, [backend]), ` ${from} → ${to}, ${because}`])
}

function drawChart(id, read, format) {
  const values = samples.map(read)
  const top = Math.max(1e-9, ...values)
  const points = values.map((value, i) => `${300 - (values.length - 1 - i)},${58 - (54 * value) / top}`)
  byId(id).replaceChildren(svgElement('polyline', { points: points.join(' ') }))
  byId(`${id}-now`).textContent = format(values.at(-1) ?? 0)
}

function modeButton(name, mode) {
  const button = element('button', { type: 'button' }, [mode])
  button.addEventListener('click', () => void setMode(name, mode))
  return button
}

async function setMode(name, mode) {
  const headers = { Authorization: `Bearer ${byId('token').value}` }
  const url = `/backends/${encodeURIComponent(name)}/${mode}`
  let problem = ''
  try {
    const response = await fetch(url, { method: 'POST', headers })
    if (!response.ok) problem = (await response.json()).error
  } catch {
    problem = 'the router does not answer'
  }
  byId('problem').textContent = problem && `${name} was not set to ${mode}: ${problem}`
  byId('problem').hidden = problem === ''
}

function drawSpans() {
  byId('span').textContent = spanName
  const buttons = Object.keys(spansMinutes).map((name) => {
    const button = element('button', { type: 'button' }, [name])
    button.setAttribute('aria-pressed', String(name === spanName))
    button.addEventListener('click', () => {
      spanName = name
      drawSpans()
      if (state) draw()
    })
    return button
  })
  byId('spans').replaceChildren(...buttons)
}

function element(name, properties, children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

function svgElement(name, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

/** "2 h 57 min", "4 min 5 s", "820 ms". */
function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = Math.floor(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`
}

function bytes(count) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  const step = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  return `${(count / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`
}

function times(count) {
  if (count === 0) return 'never down'
  return count === 1 ? 'down once' : `down ${count} times`
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour12: false })
}

drawSpans()
