// The ways in which the test specimen can be broken.

/** What each does. Those of single reads strike one in `--every`, and only once S3 has failed: a run needs its steady state. */
export const defects = {
  none: 'nothing is wrong',
  forgets: 'drops everything when S3 first fails',
  'forgets-on-restart': 'starts with nothing, whatever its store holds',
  'flips-a-bit': 'one bit of a body is flipped',
  'hangs-on-misses': 'never answers for keys it does not hold while S3 fails',
  'hangs-now-and-then': 'does nothing at all for a second, one second in `--every`',
  'leaks-private': 'gives what it holds to anybody, signed or not',
  'loses-reads': 'a read is answered 500',
  'slow-tail': 'a read takes 50 ms longer',
  'stale-after-write': 'keeps what it holds of an object that is written',
  truncates: 'a body ends half-way with a clean close',
  'fills-twice': 'fetches each missing object two times',
  'wrong-range': 'a read of a part gets the bytes one beside it',
} as const
export type Defect = keyof typeof defects
