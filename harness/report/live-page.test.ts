import { get } from 'node:http'
import t from 'tap'
import { openLivePage } from './live-page.ts'
import { fakeHistory } from './testing.ts'

interface LiveEvent {
  readonly name: string
  readonly data: string
}

/** Reads events until one of that name comes. */
async function* eventsOf(url: string): AsyncGenerator<LiveEvent> {
  const response = await fetch(url)
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const whole = text.split('\n\n')
    text = whole.pop()!
    for (const block of whole) {
      const name = /^event: (.*)$/m.exec(block)?.[1]
      if (name) yield { name, data: /^data: (.*)$/m.exec(block)?.[1] ?? '' }
    }
  }
}

t.test('while a run lasts the page says so and gives no verdict; at its end it brings one', async (t) => {
  await using page = await openLivePage()
  t.equal(titleOf(await (await fetch(page.url)).text()), 'RUNNING', 'before anything is known')
  const lines = [...fakeHistory({ reads: 20 })]
  const half = lines.findIndex((line) => line.type === 'phase' && line.name === 'outage-silent') + 20
  for (const line of lines.slice(0, half)) page.line(line)
  const before = await (await fetch(page.url)).text()
  t.equal(titleOf(before), 'RUNNING: s3-outage on reference')
  t.ok(before.includes('in outage-silent: packets to S3 vanish'))
  t.ok(before.includes('connect-src'), 'the page may ask for news')
  t.notOk(before.includes('the history was cut short'))

  const events = eventsOf(`${page.url}events`)
  for (const line of lines.slice(half)) page.line(line)
  const first = events.next()
  while (!(await isConnected(page.url))) {}
  page.end()
  const report = await first
  t.equal(report.value?.name, 'report')
  const { title, body, charts } = JSON.parse(report.value!.data)
  t.match(title, /^(PASS|RUNNING)/)
  t.ok(body.includes('class="verdict'))
  t.ok(charts.length >= 6)
  for await (const { name } of events) if (name === 'end') break
  t.equal(titleOf(await (await fetch(page.url)).text()), 'PASS: s3-outage on reference')
})

function titleOf(page: string): string | undefined {
  return /<title>(.*)<\/title>/.exec(page)?.[1]
}

/** A round trip on another connection: what was asked before it has been heard. */
async function isConnected(url: string): Promise<boolean> {
  return new Promise((resolve) =>
    get(`${url}nothing`, (response) => resolve(response.resume().statusCode === 404)),
  )
}

t.test('it listens on loopback alone and lets go of everything when the run is over', async (t) => {
  const page = await openLivePage()
  t.equal(new URL(page.url).hostname, '127.0.0.1')
  const events = eventsOf(`${page.url}events`)
  const next = events.next()
  await isConnected(page.url)
  await page[Symbol.asyncDispose]()
  await next.catch(() => {})
  await t.rejects(fetch(page.url))
})

t.test('a taken port is an error, not a hang', async (t) => {
  await using page = await openLivePage()
  await t.rejects(openLivePage(Number(new URL(page.url).port)), { code: 'EADDRINUSE' })
})
