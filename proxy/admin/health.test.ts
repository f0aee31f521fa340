import t from 'tap'
import { request } from '../testing/requests.ts'
import { withHealthCheck } from './health.ts'

t.test('a check is answered by the node itself, everything else by its handler', async (t) => {
  const seen: string[] = []
  const handle = withHealthCheck((asked) => {
    seen.push(asked.target)
    return { status: 503, headers: [], body: null }
  })
  t.match(handle(request('/_breakwater/health', { method: 'HEAD' })), { status: 200, body: null })
  t.match(handle(request('/_breakwater/health')), { status: 200 })
  t.match(handle(request('/bucket/_breakwater/health')), { status: 503 })
  t.same(seen, ['/bucket/_breakwater/health'])
})
