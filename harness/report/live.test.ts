import t from 'tap'
import { createLiveView } from './live.ts'
import { fakeHistory, fakePhases } from './testing.ts'

function streamOf(isTTY: boolean, columns = 100) {
  const stream = { isTTY, columns, text: '', write: (text: string) => (stream.text += text) }
  return stream
}

function play(stream: ReturnType<typeof streamOf>, quiet = false, stretch = 1) {
  const view = createLiveView({ stream, speed: 177, quiet })
  for (const line of fakeHistory({ stretch, reads: 20 })) view.line(line)
  view.end()
}

t.test(
  'without a terminal: plain lines, at the end of a phase its reads, p99, bytes and backends',
  async (t) => {
    const stream = streamOf(false)
    play(stream)
    t.notOk(stream.text.includes('\u001b') || stream.text.includes('\r'))
    const lines = stream.text.split('\n')
    for (const { name } of fakePhases(1)) {
      t.ok(
        lines.some((line) => line.includes(` ${name} · reads `)),
        name,
      )
    }
    const outage = lines.find((line) => line.includes('outage-silent · reads'))
    t.match(
      outage,
      /1:08 calendar 3:20:36 .* reads 400 ok 60 failed · p99 [\d.]+ ms · S3 0 B · cache1 up · s3 down/,
    )
    t.match(stream.text, /0:29 s3 down: 3 probes failed/)
  },
)

t.test('a long phase says where it is once a minute', async (t) => {
  const stream = streamOf(false)
  play(stream, false, 8)
  const outage = stream.text.split('\n').filter((line) => line.includes('outage-503 · reads'))
  t.equal(outage.length, 3, 'at one minute, at two, and at its end')
})

t.test('on a terminal the line is rewritten and never wraps', async (t) => {
  const stream = streamOf(true, 60)
  play(stream)
  const drawn = stream.text.split('\r\u001b[2K').slice(1)
  t.ok(drawn.length > 50, 'rewritten each second')
  for (const text of drawn.filter((one) => !one.includes('\n'))) t.ok(text.length < 60, text)
  t.equal(stream.text.at(-1), '\n')
})

t.test('quiet says nothing', async (t) => {
  const stream = streamOf(true)
  play(stream, true)
  t.equal(stream.text, '')
})

t.test('nothing from outside reaches the terminal as a command', async (t) => {
  const stream = streamOf(false)
  const view = createLiveView({ stream, speed: 1, quiet: false })
  view.line({ type: 'doubt', atMs: 0, reason: 'a\u001b[2Jb\nc' })
  t.equal(stream.text, '  doubt: a\ufffd[2Jb c\n')
})
