import t from 'tap'
import { durationText, parseDuration } from './units.ts'

t.test('a duration is written as it is read', async (t) => {
  const cases: [number, string][] = [
    [10_620, '2h57m'],
    [604_800, '168h'],
    [240, '4m'],
    [3601.5, '1h1.5s'],
    [0, '0s'],
  ]
  for (const [seconds, text] of cases) {
    t.equal(durationText(seconds), text)
    t.equal(parseDuration(text), seconds * 1000)
  }
})
