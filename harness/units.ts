// Reads and writes durations the way people and configuration files do.

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** "2h57m", "90s", "500ms", "30d" to milliseconds; null when it isn't a duration. A bare number is no duration. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * unitMs[unit!]!
  }
  return total
}

/** Seconds as parseDuration reads them: "2h57m". */
export function durationText(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return `${h ? `${h}h` : ''}${m ? `${m}m` : ''}${s || seconds === 0 ? `${s}s` : ''}`
}

/** Seconds as "2 h 57 min", "59 min", "12.5 s": two units at the most. */
export function formatSeconds(seconds: number): string {
  const s = Math.round(seconds)
  if (s < 60) return `${Math.round(seconds * 10) / 10} s`
  if (s < 3600) return joined(Math.floor(s / 60), 'min', s % 60, 's')
  if (s < 86_400) return joined(Math.floor(s / 3600), 'h', Math.round((s % 3600) / 60), 'min')
  return joined(Math.floor(s / 86_400), 'd', Math.round((s % 86_400) / 3600), 'h')
}

function joined(major: number, majorUnit: string, minor: number, minorUnit: string): string {
  return minor === 0 ? `${major} ${majorUnit}` : `${major} ${majorUnit} ${minor} ${minorUnit}`
}
