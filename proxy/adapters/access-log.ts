// Writes the access log: one JSON line a request, gathered and written twice a second so that no request waits for it.
import { createWriteStream, type WriteStream } from 'node:fs'
import type { AccessLog, AccessRecord, Log } from '../ports.ts'

const writeEveryMs = 500
/** Beyond this many waiting lines new ones are dropped, and counted in a line of their own when writing goes on. */
const maxWaiting = 50_000

export interface FileAccessLog extends AccessLog {
  /** Writes what waits and closes the file. */
  close(): Promise<void>
}

/** Appends to `file`. A file that can't be written loses lines, never a request; the log says so once, and it is tried again. */
export function openAccessLog(file: string, log: Log): FileAccessLog {
  return new BatchedLog(file, log)
}

class BatchedLog implements FileAccessLog {
  readonly #file: string
  readonly #log: Log
  readonly #timer: NodeJS.Timeout
  #stream: WriteStream | null
  #waiting: string[] = []
  #dropped = 0
  #failing = false

  constructor(file: string, log: Log) {
    this.#file = file
    this.#log = log
    this.#stream = this.#open()
    this.#timer = setInterval(() => this.#write(), writeEveryMs)
    this.#timer.unref()
  }

  record(record: AccessRecord): void {
    if (this.#waiting.length >= maxWaiting) this.#dropped++
    else this.#waiting.push(JSON.stringify(record))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#write()
    const stream = this.#stream
    if (stream) await new Promise<void>((resolve) => stream.close(() => resolve()))
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.#file, { flags: 'a' })
    stream.on('error', (error) => {
      if (!this.#failing) {
        this.#log.error('the access log can not be written', { file: this.#file, because: error.message })
      }
      this.#failing = true
      if (this.#stream === stream) this.#stream = null
    })
    return stream
  }

  #write(): void {
    this.#stream ??= this.#open()
    if (this.#stream.writableNeedDrain || this.#waiting.length + this.#dropped === 0) return
    const lines = this.#waiting
    const lost = lines.length + this.#dropped
    if (this.#dropped > 0) lines.push(JSON.stringify({ dropped: this.#dropped }))
    this.#waiting = []
    this.#dropped = 0
    // A failed write may have left half a line, which must not spoil the next one.
    const text = `${this.#failing ? '\n' : ''}${lines.join('\n')}\n`
    this.#stream.write(text, (error) => {
      if (error) this.#dropped += lost
      else this.#failing = false
    })
  }
}
