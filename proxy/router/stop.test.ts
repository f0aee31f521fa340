import t from 'tap'
import { Stop } from './stop.ts'

t.test('every listener is told once, with the reason; who has left the list is not', (t) => {
  const stop = new Stop()
  const told: string[] = []
  const leaver = () => told.push('leaver')
  stop.addEventListener('abort', () => told.push(`first: ${stop.reason}`))
  stop.addEventListener('abort', leaver)
  stop.addEventListener('abort', () => told.push('last'))
  stop.removeEventListener('abort', leaver)
  t.equal(stop.aborted, false)
  stop.abort('late')
  stop.abort('again')
  t.strictSame([told, stop.aborted, stop.reason], [['first: late', 'last'], true, 'late'])
  t.end()
})
