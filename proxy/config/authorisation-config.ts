// Who may read what is stored: the part of the configuration that cache and router share.
import { z } from 'zod'
import type { KeyPair } from '../adapters/signatures.ts'
import { cacheDefaults } from '../cache/options.ts'
import type { AuthorisationOptions } from '../policy/authorisation.ts'
import { secretFrom } from './file.ts'
import { duration } from './units.ts'

/** Of "bucket/key"; a leading slash, as in a path, is the same. */
export const prefix = z.string().transform((value) => value.replace(/^\//, ''))

const mode = z.enum(['verify', 'revalidate', 'network'])

const keySchema = z
  .strictObject({
    access_key: z.string().min(1),
    secret_key: z.string().min(1).optional(),
    secret_key_file: z.string().optional(),
    prefixes: z.array(prefix).min(1).default(['']),
  })
  .refine((key) => (key.secret_key === undefined) !== (key.secret_key_file === undefined), {
    error: 'needs either secret_key or secret_key_file',
  })

export const authorisationSchema = z
  .strictObject({
    mode: mode.optional(),
    routes: z.array(z.strictObject({ prefix, mode })).default([]),
    keys: z.array(keySchema).default([]),
    allow: duration.default(cacheDefaults.authorisation.allowMs),
    stale_allow: duration.default(cacheDefaults.authorisation.staleAllowMs),
  })
  .refine(
    ({ mode, routes, keys }) =>
      keys.length > 0 || (mode !== 'verify' && routes.every((r) => r.mode !== 'verify')),
    { error: 'mode verify needs keys' },
  )

export type AuthorisationFile = z.output<typeof authorisationSchema>

/** What the flow is told. The mode defaults to verify where keys are configured, else to revalidate. */
export function authorisationOptions(file: AuthorisationFile): AuthorisationOptions {
  return {
    mode: file.mode ?? (file.keys.length > 0 ? 'verify' : 'revalidate'),
    routes: file.routes,
    keys: file.keys.map((key) => ({ accessKey: key.access_key, prefixes: key.prefixes })),
    allowMs: file.allow,
    staleAllowMs: file.stale_allow,
  }
}

/** The keys with their secrets, from the file itself or the files it names. */
export function keyPairs({ keys }: AuthorisationFile): KeyPair[] {
  return keys.map((key) => ({
    accessKey: key.access_key,
    secretKey: key.secret_key ?? secretFrom(key.secret_key_file!),
  }))
}
