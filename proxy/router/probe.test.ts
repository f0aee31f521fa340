import t from 'tap'
import { hitHeaders, type RouterWorld, routerWorld, server } from '../testing/router-world.ts'
import { type CheckOptions, routerDefaults } from './options.ts'

const paced = { interMs: 500, fastInterMs: 100, downInterMs: 200 }

function world(check: Partial<CheckOptions>): RouterWorld {
  const made = routerWorld([
    server('cache1', { check: { ...routerDefaults.check, ...paced, ...check } }),
    server('s3'),
  ])
  made.origin('cache1').put('/b/canary', 'x'.repeat(50_000), hitHeaders)
  made.router.start()
  t.teardown(() => made.router.close())
  return made
}

function checkTimes(made: RouterWorld): number[] {
  return made.origin('cache1').requests.map(({ atMs }) => atMs)
}

t.test('health by canary hit, not by TCP connect: each kind of check has its own good answer', async (t) => {
  const cases: [string, Partial<CheckOptions>, (made: RouterWorld) => void, RegExp, boolean][] = [
    ['http 404', { uri: '/b/none' }, () => {}, /status 404/, true],
    [
      'http 500',
      {},
      (made) => {
        made.origin('cache1').mood = 500
      },
      /status 500/,
      false,
    ],
    [
      'http silent',
      {},
      (made) => {
        Object.assign(made.origin('cache1'), { mood: 'hang', firstByteTimeoutMs: 9e9 })
      },
      /check-timeout/,
      false,
    ],
    [
      'http refused',
      {},
      (made) => {
        made.origin('cache1').mood = 'refused'
      },
      /connect-refused/,
      false,
    ],
    ['canary', { kind: 'canary', method: 'GET', uri: '/b/canary' }, () => {}, /status 200/, true],
    ['canary absent', { kind: 'canary', method: 'GET', uri: '/b/none' }, () => {}, /status 404/, false],
    [
      'canary slow',
      { kind: 'canary', method: 'GET', uri: '/b/canary', slowMs: 20 },
      (made) => {
        made.origin('cache1').chunkDelayMs = 10
      },
      /status 200, too slow/,
      false,
    ],
    [
      'canary cut short',
      { kind: 'canary', method: 'GET', uri: '/b/canary' },
      (made) => {
        made.origin('cache1').cutAfterBytes = 20_000
      },
      /reset/,
      false,
    ],
    [
      'tcp',
      { kind: 'tcp' },
      (made) => {
        made.origin('cache1').mood = 500
      },
      /connected/,
      true,
    ],
    [
      'tcp refused',
      { kind: 'tcp' },
      (made) => {
        made.unreachable.add('cache1')
      },
      /connect-refused/,
      false,
    ],
  ]
  for (const [name, check, prepare, text, ok] of cases) {
    const made = world(check)
    prepare(made)
    await made.clock.advance(700)
    t.match(made.backend('cache1').lastCheck, { ok, text }, name)
  }
})

t.test('checks keep their pace, faster while something disagrees, and stop with the router', async (t) => {
  const made = world({})
  await made.clock.advance(1700)
  t.same(checkTimes(made), [0, 500, 1000, 1500])
  made.origin('cache1').mood = 'refused'
  await made.clock.advance(1000)
  t.same(checkTimes(made).slice(4), [2000, 2100, 2200, 2400, 2600], 'fast until down, then at downinter')
  made.router.close()
  await made.clock.advance(5000)
  t.equal(checkTimes(made).length, 9)
})

t.test('a failed request brings the next check forward', async (t) => {
  const made = world({})
  made.origin('s3').put('/b/x', 'x')
  await made.clock.advance(100)
  made.origin('cache1').mood = 'refused'
  await made.get('/b/x')
  await made.clock.advance(150)
  t.equal(
    checkTimes(made).filter((ms) => ms > 0 && ms < 250).length,
    2,
    'the request and the check it brought',
  )
})

t.test('checks wait behind nothing: they have connections of their own', async (t) => {
  const made = routerWorld([server('cache1', { maxConnections: 1 }), server('s3')])
  made.origin('cache1').put('/b/canary', 'x')
  made.router.start()
  await made.get('/b/canary')
  t.equal(made.backend('cache1').inFlight, 1, 'the only connection is taken')
  await made.clock.advance(2000)
  t.match(made.backend('cache1').lastCheck, { ok: true, tookMs: 1 })
  made.router.close()
})
