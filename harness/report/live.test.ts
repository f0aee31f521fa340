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

t.test(
  'on a terminal two lines are rewritten in place and never wrap, and what was said before stays',
  async (t) => {
    const stream = streamOf(true, 60)
    play(stream)
    const { screen, longest } = screenOf(stream.text)
    const phases = fakePhases(1)
    t.equal(
      screen.filter((line) => line.includes(' · reads ')).length,
      phases.length,
      'one pair of lines a phase',
    )
    t.equal(screen.filter((line) => /^ {2}p99 .*/.test(line)).length, phases.length)
    for (const { name, story } of phases) t.ok(screen.includes(`${name}: ${story}`), name)
    t.equal(screen.filter((line) => line.includes('fault applied')).length, 3)
    t.ok(stream.text.split(eraseTwoLines).length > 50, 'rewritten each second')
    t.ok(longest < 60, `${longest} characters`)
  },
)

const eraseTwoLines = '\r\u001b[2K\u001b[1A\u001b[2K'

/** What stands on a terminal after the text, and the longest of the lines that are rewritten. */
function screenOf(text: string): { screen: string[]; longest: number } {
  const screen: string[] = []
  let longest = 0
  for (const written of text.split('\n')) {
    const [kept, ...rewritten] = written.split(eraseTwoLines)
    screen.push(kept!)
    for (const again of rewritten) screen.splice(-2, 2, again)
    const pair = [kept!, ...rewritten].filter((line) => line.includes(' · '))
    longest = Math.max(longest, ...pair.map((line) => line.length))
  }
  return { screen, longest }
}

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
