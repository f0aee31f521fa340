import t from 'tap'
import { type AuthorisationOptions, authorise, modeFor, standing } from './authorisation.ts'

const options: AuthorisationOptions = {
  mode: 'verify',
  routes: [
    { prefix: 'pub/', mode: 'network' },
    { prefix: 'pub/own/', mode: 'revalidate' },
  ],
  keys: [
    { accessKey: 'ALL', prefixes: [''] },
    { accessKey: 'SOME', prefixes: ['a/', 'b/'] },
  ],
  allowMs: 1,
  staleAllowMs: 1,
}

t.test('the longest route decides on the mode', async (t) => {
  t.equal(modeFor(options, 'maps/x'), 'verify')
  t.equal(modeFor(options, 'pub/x'), 'network')
  t.equal(modeFor(options, 'pub/own/x'), 'revalidate')
})

t.test('who may, who must be asked about, and who may not', async (t) => {
  const verify = (checked: Parameters<typeof authorise>[1], base = 'a/x', expired = false) =>
    authorise('verify', checked, expired, base, options)
  t.match(verify({ kind: 'valid', accessKey: 'ALL' }, 'z/x'), { kind: 'allowed', signAs: 'ALL' })
  t.match(verify({ kind: 'valid', accessKey: 'SOME' }, 'b/x'), { kind: 'allowed' })
  t.match(verify({ kind: 'valid', accessKey: 'SOME' }, 'z/x'), {
    kind: 'denied',
    because: 'key-not-for-object',
  })
  t.match(verify({ kind: 'valid', accessKey: 'GONE' }), { kind: 'denied', because: 'key-not-for-object' })
  t.match(verify({ kind: 'unsigned' }), { kind: 'ask' })
  t.match(verify({ kind: 'not-checked' }), { kind: 'ask' })
  t.match(verify({ kind: 'invalid', because: 'unknown-key' }), { kind: 'ask' })
  t.match(verify({ kind: 'invalid', because: 'unsupported' }), { kind: 'ask' })
  t.match(verify({ kind: 'invalid', because: 'mismatch' }), { kind: 'denied', because: 'mismatch' })
  t.match(verify({ kind: 'invalid', because: 'malformed' }), { kind: 'denied' })
  t.match(verify({ kind: 'invalid', because: 'skewed' }), { kind: 'denied' })
  t.match(verify({ kind: 'invalid', because: 'expired' }), { kind: 'denied', because: 'presigned-expired' })
  for (const mode of ['verify', 'revalidate', 'network'] as const) {
    t.match(
      authorise(mode, { kind: 'not-checked' }, true, 'a/x', options),
      { kind: 'denied' },
      `${mode}: expired`,
    )
  }
  t.match(authorise('revalidate', { kind: 'not-checked' }, false, 'a/x', options), { kind: 'ask' })
  t.match(authorise('network', { kind: 'not-checked' }, false, 'a/x', options), {
    kind: 'allowed',
    signAs: null,
  })
})

t.test('what S3 said before counts, within its limits', async (t) => {
  const meta = { status: 200, headers: [], bodyBytes: 1, etag: null, validatedAtMs: 0, freshUntilMs: 0 }
  const own = { key: 'k', meta: { ...meta, isPublic: false } }
  const open = { key: 'k', meta: { ...meta, isPublic: true } }
  t.match(standing(open, false, false, false, 'refuse'), { kind: 'serve', because: 'public' })
  t.match(standing(open, true, false, false, 'pass'), { kind: 'ask' }, 'a wrong signature is S3’s to refuse')
  t.match(standing(own, true, true, false, 'pass'), { kind: 'serve', because: 'allowed-before' })
  t.match(standing(own, true, false, true, 'pass'), { kind: 'ask' }, 'while S3 answers, it is asked')
  t.match(standing(own, true, false, true, 'probe'), { kind: 'serve', because: 'allowed-while-away' })
  t.match(standing(own, true, false, true, 'refuse'), { kind: 'serve' })
  t.match(standing(own, true, false, false, 'probe'), { kind: 'ask' })
  t.match(standing(own, false, false, false, 'refuse'), { kind: 'unavailable' })
})
