// Numbers as people read them: times, bytes, counts, ratios. Pure; knows nothing of runs.

/** "0:42", "12:05" or "2:57:00" for milliseconds since the run began. */
export function clock(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000)
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const tail = String(seconds % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`
}

/** "2 h 57 min", "45 s", "320 ms" for a length of time in milliseconds. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1000, 1)} s`
  const minutes = Math.round(ms / 60_000)
  if (minutes < 60) return withRest(Math.floor(ms / 60_000), 'min', Math.floor((ms % 60_000) / 1000), 's')
  if (minutes < 48 * 60) return withRest(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  return withRest(Math.floor(minutes / 1440), 'd', Math.floor((minutes % 1440) / 60), 'h')
}

function withRest(whole: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${restUnit}`
}

/** "0 ms", "0.420 ms", "12.3 ms", "1.20 s"; a dash when there was nothing to measure. */
export function latency(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms === 0) return '0 ms'
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`
  if (ms >= 100) return `${Math.round(ms)} ms`
  return `${ms.toPrecision(3)} ms`
}

/** "1.5 MB": decimal units, as S3 bills. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = Math.abs(count)
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${count < 0 ? '−' : ''}${value.toFixed(digits)} ${units[unit]}`
}

/** "539 998": thin groups of three, unbroken. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
}

/**
 * "99.9996 %" for a ratio 0 to 1. Never rounds up to 100 % nor down to 0 %: a lost read in a million must show.
 */
export function percent(ratio: number): string {
  if (ratio === 1 || ratio === 0) return `${ratio * 100} %`
  for (let digits = 1; digits <= 8; digits += 1) {
    const text = (ratio * 100).toFixed(digits)
    if (Number(text) !== 100 && Number(text) !== 0) return `${text.replace('-', '−')} %`
  }
  return `${ratio * 100} %`
}

/** "1 read", "2 reads". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** Dollars and cents; below a dollar three digits, so that small bills can still be told apart. */
export function dollars(amount: number): string {
  const small = String(Number(amount.toPrecision(3)))
  if (amount !== 0 && Math.abs(amount) < 1 && small.length > '0.00'.length) return `$${small}`
  return `$${amount.toFixed(2).replace(/\B(?=(\d{3})+(?!\d))/g, ',')}`
}

/** A round distance between the labels of a time axis: at most twelve of them. */
export function tickMs(lengthMs: number): number {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
  return (steps.find((seconds) => lengthMs / (seconds * 1000) <= 12) ?? 14400) * 1000
}

/** Text from outside on one line, without characters that a terminal would obey or that XML can't hold. */
export function printable(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd')
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
