import t from 'tap'
import { ceilingText, measureCeiling } from './ceiling.ts'
import { answer, byteServer } from './testing.ts'

const short = { connections: 2, seconds: 1 }

t.test('counts what a healthy server answers, and says what that can not tell', async (t) => {
  let served = 0
  await using server = await byteServer((socket) => {
    served++
    socket.write(answer('hello'))
  })
  const ceiling = await measureCeiling(`${server.url}/x`, short)
  t.equal(ceiling.failed, 0)
  t.ok(
    ceiling.requestsPerSecond > 0 && ceiling.requestsPerSecond <= served,
    `${ceiling.requestsPerSecond} of ${served}`,
  )
  t.match(ceilingText(ceiling), /requests\/s.*\nWhat this can't tell:\n.*closed loop/s)
})

const unfit: [string, RegExp, Parameters<typeof byteServer>[0]][] = [
  [
    'refuses the object',
    /it answers 403 to a GET/,
    (s) => s.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
  ],
  ['closes without an answer', /reset, closed before an answer/, (s) => s.end()],
  ['speaks something else', /nonsense, a status line/, (s) => s.write('220 smtp\r\n\r\n')],
]

for (const [what, reason, misdeed] of unfit) {
  t.test(`a server that ${what} is not measured`, async (t) => {
    await using server = await byteServer(misdeed)
    await t.rejects(measureCeiling(server.url, short), { name: 'UsageError', message: reason })
    t.equal(server.accepted(), 1)
  })
}

t.test('what is no URL of HTTP is refused', async (t) => {
  for (const url of ['localhost:80', 'ftp://127.0.0.1/', 'http://', ''])
    await t.rejects(measureCeiling(url, short), {
      name: 'UsageError',
      message: /expected an http or https URL/,
    })
})
