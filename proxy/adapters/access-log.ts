// Writes the access log: one JSON line a request, gathered and written twice a second so that no request waits for it.
import { createWriteStream } from 'node:fs'
import type { AccessLog, AccessRecord, Log } from '../ports.ts'

const writeEveryMs = 500
/** Beyond this many waiting lines new ones are dropped, and counted in the next line that is written. */
const maxWaiting = 50_000

export interface FileAccessLog extends AccessLog {
  /** Writes what waits and closes the file. */
  close(): Promise<void>
}

/** Appends to `file`. A file that can't be written loses lines, never a request; the log says so once. */
export function openAccessLog(file: string, log: Log): FileAccessLog {
  const stream = createWriteStream(file, { flags: 'a' })
  let waiting: string[] = []
  let dropped = 0
  let isBroken = false
  stream.on('error', (error) => {
    if (!isBroken) log.error('the access log can not be written', { file, because: error.message })
    isBroken = true
  })
  const write = () => {
    if (isBroken || stream.writableNeedDrain || waiting.length === 0) return
    if (dropped > 0) waiting.push(JSON.stringify({ dropped }))
    dropped = 0
    stream.write(`${waiting.join('\n')}\n`)
    waiting = []
  }
  const timer = setInterval(write, writeEveryMs)
  timer.unref()
  return {
    record(record: AccessRecord) {
      if (waiting.length >= maxWaiting) dropped++
      else waiting.push(JSON.stringify(record))
    },
    close() {
      clearInterval(timer)
      write()
      return new Promise((resolve) => {
        if (isBroken) resolve()
        else stream.end(() => resolve())
      })
    },
  }
}
