// Writes history.ndjson.gz as the run goes on. It is flushed every second, so that a run that is killed leaves a
// readable beginning.
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import { CannotWrite } from '../errors.ts'
import type { HistoryLine } from './events.ts'

const flushIntervalMs = 1000

export interface HistoryWriter {
  /** Never waits; compression and disk take the line as fast as they can. */
  write(line: HistoryLine): void
  /** Resolves when everything is in the file; rejects when any of it could not be written. */
  close(): Promise<void>
}

/** Creates or overwrites the file. Its folder must exist. `onFailure` hears once that what follows is lost. */
export function openHistory(path: string, onFailure: (why: Error) => void = () => {}): HistoryWriter {
  const gzip = createGzip()
  let failure: Error | null = null
  const written = pipeline(gzip, createWriteStream(path)).catch((error: Error) => {
    failure = new CannotWrite(`the history to ${path}`, error, 'make room or give another --out')
    onFailure(failure)
  })
  let isDirty = false
  const timer = setInterval(() => {
    if (!isDirty || failure !== null) return
    isDirty = false
    gzip.flush(constants.Z_SYNC_FLUSH)
  }, flushIntervalMs)
  timer.unref()
  return {
    write(line) {
      if (failure !== null || gzip.writableEnded) return
      isDirty = true
      gzip.write(`${JSON.stringify(line)}\n`)
    },
    async close() {
      clearInterval(timer)
      gzip.end()
      await written
      if (failure !== null) throw failure
    },
  }
}
