// Decides who may have a stored object: by a signature checked here, by asking S3, or by trust in the network. Pure.
import type { StoredEntry } from '../object.ts'
import type { OriginAccess } from './reuse.ts'

/**
 * `verify`: signatures are checked here against the configured keys, and requests signed anew for the origin ·
 * `revalidate`: the client's own signed request, with If-None-Match added, asks S3 · `network`: whoever can connect may read.
 */
export type AuthorisationMode = 'verify' | 'revalidate' | 'network'

export interface AuthorisationOptions {
  readonly mode: AuthorisationMode
  /** By prefix of "bucket/key"; the longest match decides, else `mode`. */
  readonly routes: readonly { readonly prefix: string; readonly mode: AuthorisationMode }[]
  /** What each configured key may read of the cache, by prefixes of "bucket/key"; [""] is everything. */
  readonly keys: readonly { readonly accessKey: string; readonly prefixes: readonly string[] }[]
  /** How long S3's yes to one signature counts for that very signature. */
  readonly allowMs: number
  /** How long, while S3 is away, its last yes to a principal at an address counts for this object; 0 never. */
  readonly staleAllowMs: number
}

/** The longest matching route decides. */
export function modeFor(options: AuthorisationOptions, base: string): AuthorisationMode {
  let best: { readonly prefix: string; readonly mode: AuthorisationMode } | null = null
  for (const route of options.routes) {
    if (!base.startsWith(route.prefix)) continue
    if (best === null || route.prefix.length > best.prefix.length) best = route
  }
  return best === null ? options.mode : best.mode
}

/** What a check of the signature found; `not-checked` outside verify mode. */
export type Checked =
  | { readonly kind: 'not-checked' | 'unsigned' }
  | { readonly kind: 'valid'; readonly accessKey: string }
  | { readonly kind: 'invalid'; readonly because: InvalidSignature }

export type InvalidSignature = 'malformed' | 'unknown-key' | 'mismatch' | 'expired' | 'skewed' | 'unsupported'

export type Access =
  /** `signAs`: the key to sign the origin's request with; null sends the client's own signature. */
  | { readonly kind: 'allowed'; readonly because: 'network' | 'signature'; readonly signAs: string | null }
  /** S3 decides. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'denied'; readonly because: Denial }

export type Denial = 'presigned-expired' | 'key-not-for-object' | 'malformed' | 'mismatch' | 'skewed'

/** S3's error code for each denial. */
export const denialCodes: Readonly<Record<Denial, string>> = {
  'presigned-expired': 'AccessDenied',
  'key-not-for-object': 'AccessDenied',
  malformed: 'AuthorizationHeaderMalformed',
  mismatch: 'SignatureDoesNotMatch',
  skewed: 'RequestTimeTooSkewed',
}

const ask = { kind: 'ask' } as const
const byNetwork: Access = { kind: 'allowed', because: 'network', signAs: null }

/** Keys that aren't ours to check, and requests without any, are S3's to decide on: never answered from trust. */
export function authorise(
  mode: AuthorisationMode,
  checked: Checked,
  urlExpired: boolean,
  base: string,
  options: AuthorisationOptions,
): Access {
  if (urlExpired) return { kind: 'denied', because: 'presigned-expired' }
  if (mode === 'network') return byNetwork
  if (mode === 'revalidate') return ask
  if (checked.kind === 'valid') return byKey(checked.accessKey, base, options)
  if (checked.kind !== 'invalid') return ask
  if (checked.because === 'unknown-key' || checked.because === 'unsupported') return ask
  return { kind: 'denied', because: checked.because === 'expired' ? 'presigned-expired' : checked.because }
}

function byKey(accessKey: string, base: string, options: AuthorisationOptions): Access {
  const key = options.keys.find((known) => known.accessKey === accessKey)
  if (!key?.prefixes.some((prefix) => base.startsWith(prefix))) {
    return { kind: 'denied', because: 'key-not-for-object' }
  }
  return { kind: 'allowed', because: 'signature', signAs: accessKey }
}

/** May an entry be served without asking S3 now? What S3 said before of this signature, or of this principal. */
export type Standing =
  | { readonly kind: 'serve'; readonly because: 'public' | 'allowed-before' | 'allowed-while-away' }
  | { readonly kind: 'ask' }
  /** S3 can't be asked, and never said yes: 503 rather than data. */
  | { readonly kind: 'unavailable'; readonly because: 'not-authorised-while-away' }

/** While the breaker is not closed, whom S3 let read before need not wait for a probe. */
export function standing(
  entry: StoredEntry,
  signed: boolean,
  allowedBefore: boolean,
  allowedWhileAway: boolean,
  origin: OriginAccess,
): Standing {
  if (!signed && entry.meta.isPublic) return { kind: 'serve', because: 'public' }
  if (allowedBefore) return { kind: 'serve', because: 'allowed-before' }
  if (origin !== 'pass' && allowedWhileAway) return { kind: 'serve', because: 'allowed-while-away' }
  if (origin !== 'refuse') return ask
  return { kind: 'unavailable', because: 'not-authorised-while-away' }
}
