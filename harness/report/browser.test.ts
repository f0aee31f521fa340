// Opens reports in a real browser: charts are drawn, nothing is fetched, nothing is said on the console, and nothing
// that comes from a run can act in the page.
import { mkdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import t from 'tap'
import { findCommand } from '../doctor.ts'
import { openLivePage } from './live-page.ts'
import { fakeHistory, writeFakeRun } from './testing.ts'
import { writeReports } from './write.ts'

const folders = (process.env.PATH ?? '').split(delimiter)
const names = ['chromium', 'chromium-browser', 'google-chrome']
const executablePath = names.map((name) => findCommand(name, folders)).find((path) => path !== null)
const skip = executablePath ? false : 'chromium not found on PATH'

/** A4 within margins of a centimetre, at 96 px an inch. */
const a4WidthPx = 718

const hostileText = `"><img src="http://127.0.0.1:9/x" onerror="window.pwned=1"></script><script>window.pwned=1</script>'{{a}}`

interface Watched {
  readonly page: Page
  /** Console messages, page errors and dialogs. */
  readonly complaints: string[]
  /** Every URL the page asked for but itself. */
  readonly requests: string[]
}

interface Look {
  readonly width: number
  readonly colorScheme: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
}

async function open(browser: Browser, url: string, { width, ...look }: Look): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, ...look })
  page.setDefaultTimeout(5000)
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`))
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) requests.push(request.url())
  })
  await page.goto(url)
  return { page, complaints, requests }
}

/** How many charts there are, and on how many of them anything is painted. */
function paintedCharts(page: Page): Promise<{ charts: number; painted: number }> {
  return page.evaluate(() => {
    const isPainted = (canvas: HTMLCanvasElement) => {
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
      return data.some((value) => value !== 0)
    }
    const figures = [...document.querySelectorAll('figure')]
    const painted = figures.filter((figure) => [...figure.querySelectorAll('canvas')].some(isPainted))
    return { charts: figures.length, painted: painted.length }
  })
}

/** The stretch of the run that the latency chart shows, percent. */
function shownPercent(page: Page): Promise<[number, number]> {
  return page.evaluate(() => {
    const place = document.querySelector<HTMLElement>('#chart-latency .live')!
    const { echarts } = window as unknown as { echarts: typeof import('echarts') }
    const [zoom] = echarts.getInstanceByDom(place)!.getOption().dataZoom as { start: number; end: number }[]
    return [zoom!.start, zoom!.end]
  })
}

t.test('reports in a browser', { skip }, async (t) => {
  const browser = await chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] })
  t.teardown(() => browser.close())
  const runDir = t.testdir()
  await writeFakeRun(runDir, { hostileText, lost: 1 })
  const otherDir = join(runDir, 'compared', 'direct')
  mkdirSync(otherDir, { recursive: true })
  await writeFakeRun(otherDir, { system: `direct${hostileText}`, hostileText, seed: 2, slowness: 2 })
  const { htmlPath } = await writeReports(runDir)
  const url = pathToFileURL(htmlPath).href

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1400, 390]) {
      await t.test(
        `${colorScheme}, ${width} px wide: all charts drawn, nothing fetched, nothing wrong`,
        async (t) => {
          const { page, complaints, requests } = await open(browser, url, { width, colorScheme })
          const { charts, painted } = await paintedCharts(page)
          t.equal(painted, charts)
          t.ok(charts >= 17, `${charts} charts, those of the comparison too`)
          t.same(complaints, [])
          t.same(requests, [])
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
          t.equal(overflow, 0, 'nothing sticks out')
          await page.close()
        },
      )
    }
  }

  await t.test('what comes from a run is text, and nothing of it acts', async (t) => {
    const { page } = await open(browser, url, { width: 1400, colorScheme: 'light' })
    t.equal(await page.evaluate(() => (window as { pwned?: number }).pwned), undefined)
    t.equal(await page.locator('img').count(), 0)
    t.equal(await page.locator('script').count(), 3, 'our own')
    t.ok(await page.locator('code', { hasText: 'onerror=' }).count(), 'a hostile key is shown as it is')
    await page.locator('#chart-latency .live').hover()
    await page.locator('.tip-head').first().waitFor()
    t.equal(await page.evaluate(() => (window as { pwned?: number }).pwned), undefined, 'nor from a tooltip')
    t.equal(await page.locator('img').count(), 0)
    await page.close()
  })

  await t.test('without script the same charts stand there as SVG; on paper too', async (t) => {
    const { page, complaints } = await open(browser, url, {
      width: 1400,
      colorScheme: 'dark',
      javaScriptEnabled: false,
    })
    t.ok(await page.locator('#chart-availability > svg').isVisible())
    t.same(complaints, [])
    await page.close()
    const paper = await open(browser, url, { width: a4WidthPx, colorScheme: 'dark' })
    t.notOk(await paper.page.locator('#chart-availability > svg').isVisible(), 'on a screen the live one')
    await paper.page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    t.ok(await paper.page.locator('#chart-availability > svg').isVisible())
    t.equal(
      await paper.page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--card')),
      '#ffffff',
    )
    const overflow = await paper.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    t.equal(overflow, 0, 'nothing sticks out of the paper')
    await paper.page.close()
  })

  await t.test('the keyboard reaches a chart, moves in it, zooms and comes back', async (t) => {
    const { page, complaints } = await open(browser, url, { width: 1400, colorScheme: 'light' })
    await page.locator('#chart-latency').focus()
    await page.keyboard.press('ArrowRight')
    await page.locator('#chart-latency .tip-head').waitFor()
    const before = await page.locator('#chart-latency .tip-head').textContent()
    await page.keyboard.press('ArrowRight')
    await page.waitForFunction(
      (text) => document.querySelector('#chart-latency .tip-head')?.textContent !== text,
      before,
    )
    await page.keyboard.press('+')
    t.same(await shownPercent(page), [25, 75], 'half of the run')
    await page.keyboard.press('Escape')
    t.same(await shownPercent(page), [0, 100], 'the whole run again')
    t.same(complaints, [])
    await page.close()
  })

  await t.test(
    'a run under way: the open page takes news in, keeps what is unfolded, and ends with the verdict',
    async (t) => {
      await using live = await openLivePage()
      const lines = [...fakeHistory({ reads: 20, hostileText })]
      for (const line of lines.slice(0, 300)) live.line(line)
      const { page, complaints } = await open(browser, live.url, { width: 1400, colorScheme: 'light' })
      t.match(await page.title(), /^RUNNING/)
      await page.locator('#configuration summary').first().click()
      for (const line of lines.slice(300)) live.line(line)
      await page.locator('h1 .badge', { hasText: 'RUNNING' }).waitFor()
      live.end()
      await page.locator('h1 .badge', { hasText: 'PASS' }).waitFor()
      const { charts, painted } = await paintedCharts(page)
      t.equal(painted, charts)
      t.ok(await page.locator('#configuration details[open]').count(), 'still unfolded')
      t.equal(await page.evaluate(() => (window as { pwned?: number }).pwned), undefined)
      t.same(complaints, [])
      await page.close()
    },
  )
})
