import t from 'tap'
import { compare, planRounds } from './compare.ts'

t.test('systems are interleaved: each once in a round, each run in a folder of its own', async (t) => {
  const plans = planRounds('s3-outage', ['direct', 'mine/proxy.yaml'], 2, ['--seed', '7'], '/out')
  t.strictSame(
    plans.map(({ system, runDir }) => [system, runDir]),
    [
      ['direct', '/out/direct-1'],
      ['mine/proxy.yaml', '/out/proxy-1'],
      ['direct', '/out/direct-2'],
      ['mine/proxy.yaml', '/out/proxy-2'],
    ],
  )
  t.ok(plans.every(({ flags }) => flags.join(' ') === '--seed 7'))
})

t.test('every mistake is found before the first run starts', async (t) => {
  const cases: [string, string[], { systems?: string; rounds?: string }, RegExp][] = [
    ['s3-outrage', [], {}, /no scenario "s3-outrage"; there are .*s3-outage/],
    ['all', [], {}, /no scenario "all"/],
    ['s3-outage', [], { systems: 'reference,nobody' }, /--systems: "nobody" is neither/],
    ['s3-outage', [], { systems: 'direct,direct' }, /--systems: "direct" is there twice/],
    [
      's3-outage',
      [],
      { systems: 'direct,a/direct.yaml' },
      /direct and a\/direct.yaml would share one folder/,
    ],
    ['s3-outage', [], { systems: 'direct,' }, /--systems: expected names with commas between/],
    ['s3-outage', [], { rounds: 'two' }, /--rounds: expected a positive whole number, got "two"/],
    ['s3-outage', ['--rate', 'many'], {}, /--rate.*Expected a positive number/],
    ['s3-outage', ['--system', 'direct'], {}, /here --systems lists them/],
    ['s3-outage', ['--compare-with', 'direct'], {}, /here --systems lists what is compared/],
  ]
  for (const [scenario, flags, options, message] of cases) {
    const promise = compare(scenario, flags, { systems: 'direct', rounds: '1', ...options })
    await t.rejects(promise, { name: 'UsageError', message }, message.source)
  }
})
