// Outlives the runner by a moment: when the runner is gone without having cleaned up (kill -9, crash), it ends the
// process groups the runner had started. It is told of them on standard input, one line each: "+PID" or "-PID".
import { createInterface } from 'node:readline'

const groups = new Set()
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line[0] === '+') groups.add(pid)
  else groups.delete(pid)
}
for (const pid of groups) {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // that group had ended by itself
  }
}
