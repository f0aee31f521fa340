import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { startHttpServer } from '../adapters/http-server.ts'
import { nodeClock } from '../adapters/node-clock.ts'
import { collect } from '../testing/memory-origin.ts'
import { memoryLog } from '../testing/requests.ts'
import { routerWorld } from '../testing/router-world.ts'
import { which } from '../testing/which.ts'
import { createRouterAdmin } from './router-admin.ts'

const browserPath = which('chromium', 'chromium-browser', 'google-chrome')

/** A router with a history: three hours in which S3 was away for 2 h 57 min and the cache node for a moment. */
async function routerWithHistory() {
  const made = routerWorld()
  const { router, clock, origin, get } = made
  origin('cache1').put('/b/k', 'x'.repeat(20_000))
  router.start()
  await clock.advance(60_000)
  for (let i = 0; i < 50; i++) await collect((await get('/b/k')).body)
  origin('s3').mood = 'refused'
  await clock.advance(600_000)
  origin('cache1').mood = 'refused'
  await clock.advance(3000)
  await get('/b/k')
  origin('cache1').mood = 'ok'
  await clock.advance((177 - 10) * 60_000 - 3000)
  origin('s3').mood = 'ok'
  await clock.advance(120_000)
  return made
}

t.test(
  'the page shows what HAProxy’s page showed, live',
  { skip: browserPath ? false : 'chromium not found on PATH' },
  async (t) => {
    const { router, clock, backend, origin, get } = await routerWithHistory()
    const admin = createRouterAdmin({ router: () => router, clock, token: 'secret' })
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      handler: admin,
      clock: nodeClock,
      log: memoryLog(),
    })
    t.teardown(() => server.close())
    const browser = await chromium.launch({ executablePath: browserPath!, args: ['--no-sandbox'] })
    t.teardown(() => browser.close())
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 }, colorScheme: 'light' })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    const foreign: string[] = []
    page.on(
      'request',
      (one) =>
        !one.url().startsWith(`http://${server.address}`) &&
        !one.url().startsWith('data:') &&
        foreign.push(one.url()),
    )
    await page.goto(`http://${server.address}/`)
    await page.locator('#live[data-live="true"]').waitFor()

    await t.test('each server with its state, last check, downtime and times down', async (t) => {
      t.match(await cellsOf(page, 'cache1'), [/cache1/, /up/i, '', /✓ status/, /[23] s\s+down once/])
      t.match(await cellsOf(page, 's3'), [/s3.*backup/s, /up/i, '', /✓ status/, /2 h 5[67] min/])
      t.match(
        await page.locator('.tile').first().textContent(),
        /s3 downtime\s*2 h 5[67] min\s*reachable for/,
      )
    })

    await t.test('the time strip shows when a server was up and down', async (t) => {
      await page.getByRole('button', { name: '24 h' }).click()
      const states = await page
        .locator('tr[data-name="s3"] rect')
        .evaluateAll((all) => all.map((one) => one.getAttribute('data-state')))
      t.same(states, ['unknown', 'up', 'down', 'up'])
      await page.getByRole('button', { name: '3 h' }).click()
    })

    await t.test('of a name with several addresses, those that are down', async () => {
      const health = { sinceMs: 0, probeAtMs: 0 }
      const addresses = () => [
        { ...health, address: '10.0.0.1', state: 'down', failures: 2, lastError: 'connect-refused' },
        { ...health, address: '10.0.0.2', state: 'up', failures: 0, lastError: null },
      ]
      Object.assign(origin('s3'), { addresses })
      await clock.advance(1000)
      const story = '1 of 2 addresses up, 10.0.0.1 down: connect-refused'
      await page.locator('tr[data-name="s3"] td', { hasText: story }).waitFor({ timeout: 5000 })
    })

    await t.test('a change is shown at once', async () => {
      backend('cache1').setMode('maint')
      await page.locator('tr[data-name="cache1"] .pill[data-state="maint"]').waitFor({ timeout: 5000 })
      await page.locator('#changes li', { hasText: 'up → maint, operator' }).waitFor({ timeout: 5000 })
      backend('cache1').setMode('ready')
    })

    await t.test('an operator without the token is told so, and with it drains a server', async (t) => {
      const drain = page.locator('tr[data-name="cache1"] button', { hasText: 'drain' })
      await drain.click()
      await page.locator('#problem', { hasText: 'missing or wrong' }).waitFor()
      t.equal(backend('cache1').routable, 'up')
      await page.locator('#token').fill('secret')
      await drain.click()
      await page.locator('tr[data-name="cache1"] .pill[data-state="drain"]').waitFor({ timeout: 5000 })
      t.equal(backend('cache1').routable, 'drain')
      backend('cache1').setMode('ready')
    })

    await t.test('numbers move while requests come', async () => {
      await get('/b/k')
      await clock.advance(1000)
      await page
        .locator('tr[data-name="cache1"] td', {
          hasText: new RegExp(`${backend('cache1').counters.requests} in all`),
        })
        .waitFor({ timeout: 5000 })
    })

    const shots = process.env.BREAKWATER_SCREENSHOTS
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      if (shots) await page.screenshot({ path: `${shots}/router-${colorScheme}.png`, fullPage: true })
    }
    t.same(
      problems.filter((text) => !text.includes('401')),
      [],
      'no error in the page',
    )
    t.same(foreign, [], 'nothing is loaded from elsewhere')
  },
)

async function cellsOf(page: Page, name: string): Promise<string[]> {
  return page.locator(`tr[data-name="${name}"] td`).allInnerTexts()
}
