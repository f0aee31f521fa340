// Decides who fetches an object that is asked for by several at once, and what becomes of a fetch nobody waits for. Pure.

export interface FillOptions {
  /** Times a broken body is continued with Range and If-Match before it is given up. */
  readonly resumes: number
  /** A fill that all clients have left is finished when at most this much is missing … */
  readonly finishBytes: number
  /** … or when this share of it is there already, 0 to 1; else it stops and its prefix waits. */
  readonly finishRatio: number
  /** How long the prefix of a stopped fill waits for the next client. */
  readonly prefixKeepMs: number
  /** A range that begins at most this far beyond what has arrived waits for the fill; others go to the origin alone. */
  readonly rangeWindowBytes: number
  /** How long requests for an object that turned out not to be storable don't queue behind each other. */
  readonly hitForMissMs: number
  /** Check MD5 ETags and x-amz-checksum-* before the last byte is handed out. Off for S3 clones whose ETags only look like MD5. */
  readonly verifyDigest: boolean
}

export type Lock =
  /** Share the fetch that is under way. */
  | { readonly kind: 'join' }
  /** Fetch, and let others join. */
  | { readonly kind: 'fill' }
  /** Ask for oneself: the object is known not to be storable, so that waiting for another's answer only costs time. */
  | { readonly kind: 'alone'; readonly because: string }

/** `alone`: the hit-for-miss mark of the key, if it has one. */
export function lock(
  running: boolean,
  alone: { readonly untilMs: number; readonly because: string } | undefined,
  nowMs: number,
): Lock {
  if (running) return { kind: 'join' }
  if (alone !== undefined && nowMs < alone.untilMs) return { kind: 'alone', because: alone.because }
  return { kind: 'fill' }
}

/** What the last client leaves behind. */
export function abandoned(
  receivedBytes: number,
  bodyBytes: number | null,
  options: FillOptions,
): 'finish' | 'keep-prefix' {
  if (bodyBytes === null) return 'finish'
  if (bodyBytes - receivedBytes <= options.finishBytes) return 'finish'
  return receivedBytes >= bodyBytes * options.finishRatio ? 'finish' : 'keep-prefix'
}

/** Whether a range that begins at `first` is worth waiting for. */
export function withinWindow(first: number, receivedBytes: number, options: FillOptions): boolean {
  return first <= receivedBytes + options.rangeWindowBytes
}
