// The values of configuration files: durations, sizes and addresses as people write them, as zod schemas.
import { isIP } from 'node:net'
import { z } from 'zod'

const durationUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizeUnits = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 } as const

/** "500ms", "30s", "1h", "30d"; the parsed value is milliseconds. */
export const duration = z
  .union([z.string(), z.number()])
  .transform((value, context) =>
    amount(value, durationUnits, context, 'a duration such as 500ms, 30s, 1h or 30d'),
  )

/** "64k", "2m", "750g", or a number of bytes; the parsed value is bytes. */
export const size = z
  .union([z.string(), z.number()])
  .transform((value, context) => amount(value, sizeUnits, context, 'a size such as 64k, 2m or 750g'))

function amount(
  value: string | number,
  units: Readonly<Record<string, number>>,
  context: z.RefinementCtx,
  what: string,
): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(String(value).trim()) ?? []
  const factor = unit === undefined ? undefined : units[unit.toLowerCase()]
  if (digits !== undefined && factor !== undefined) return Math.round(Number(digits) * factor)
  context.addIssue({ code: 'custom', message: `expected ${what}, got ${JSON.stringify(value)}` })
  return z.NEVER
}

/** "127.0.0.1:8080", "[::1]:8080"; port 0 takes a free one. */
export const listenAddress = z.string().transform((value, context) => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(value) ?? []
  if (port !== undefined && Number(port) < 65_536)
    return { host: bracketed ?? plain ?? '', port: Number(port) }
  context.addIssue({
    code: 'custom',
    message: `expected an address such as 127.0.0.1:8080, got ${JSON.stringify(value)}`,
  })
  return z.NEVER
})

/** "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353". */
export const nameserver = z.string().refine(
  (value) => {
    const [, bracketed, plain, port = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value) ?? []
    const address = bracketed ?? plain ?? value
    return isIP(address) !== 0 && Number(port) < 65_536
  },
  { error: 'expected the address of a nameserver such as 127.0.0.1 or 127.0.0.1:5353' },
)

export const httpUrl = z
  .string()
  .refine((value) => /^https?:\/\/[^/?#]+$/.test(value) && URL.canParse(value), {
    error: 'expected a URL such as https://s3.example.com, without a path',
  })

export const positiveInteger = z.int().positive()
export const ratio = z.number().min(0).max(1)
