// Outlives the runner by a moment: when the runner is gone without having cleaned up (kill -9, crash), it ends the
// process groups the runner had started. It is told of them on standard input, one line each: "+PID" or "-PID"; "!PID"
// says that the runner itself is about to exit. Should it hang in doing so, it is ended too.
import { createInterface } from 'node:readline'

const exitMs = 5000
const groups = new Set()
const end = (pid) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It had ended by itself.
  }
}
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line[0] === '!') setTimeout(end, exitMs, pid).unref()
  else if (line[0] === '+') groups.add(pid)
  else groups.delete(pid)
}
for (const pid of groups) end(-pid)
