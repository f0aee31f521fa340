// Reads history.ndjson.gz line by line in constant memory. What can't be read becomes a `doubt` line in its place,
// so that a cut or damaged history never looks like a short but sound one.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { DoubtLine, HistoryLine } from './events.ts'

/** The lines in order. Rejects only when the file can't be opened. */
export async function* readHistory(path: string): AsyncGenerator<HistoryLine> {
  let damage: Error | null = null
  const file = createReadStream(path)
  const gunzip = createGunzip()
  pipeline(file, gunzip, (error) => {
    damage = error ?? null
  })
  const lines = createInterface({ input: gunzip, crlfDelay: Number.POSITIVE_INFINITY })
  let number = 0
  let atMs = 0
  try {
    for await (const text of lines) {
      number++
      const line = parseLine(text, number, atMs)
      if ('atMs' in line) atMs = line.atMs
      yield line
    }
  } catch (error) {
    damage = error as Error
  }
  if (damage !== null) yield explainDamage(damage, number, atMs)
}

function parseLine(text: string, number: number, atMs: number): HistoryLine {
  try {
    const line = JSON.parse(text)
    if (typeof line?.type === 'string') return line
  } catch {
    // Explained below: a line that isn't JSON and one that isn't a history line are told the same way.
  }
  return doubt(atMs, `line ${number} of the history can't be read: ${JSON.stringify(text.slice(0, 60))}`)
}

function explainDamage(error: Error, number: number, atMs: number): DoubtLine {
  if ((error as NodeJS.ErrnoException).code?.startsWith('E')) throw error
  return doubt(atMs, `the history breaks off after line ${number}: ${error.message}`)
}

const doubt = (atMs: number, reason: string): DoubtLine => ({ type: 'doubt', atMs, reason })
