import t from 'tap'
import { endToEnd } from './hop-by-hop.ts'

t.test('only what is meant for the other end stays, in order, with its case and repeats', async (t) => {
  const headers = [
    'A',
    '1',
    'connection',
    'close, B',
    'b',
    '2',
    'A',
    '3',
    'Upgrade',
    'x',
    'TE',
    'trailers',
    'C',
    '4',
  ]
  t.strictSame(endToEnd(headers, ['c']), ['A', '1', 'A', '3'])
  t.strictSame(endToEnd(['X', 'y']), ['X', 'y'])
})
