import t from 'tap'
import { createLog, type LogLevel, masked } from './node-log.ts'

/** Lines as a program that reads the log would get them. */
function captured(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  return { lines, log: createLog('cache', level, { write: (line) => lines.push(JSON.parse(line)) }) }
}

t.test('a line is JSON with its time, role, message and fields', (t) => {
  const { log, lines } = captured('info')
  log.warn('a disk is slow', { key: 'b/k', ms: 12, isFull: false })
  t.match(lines, [{ role: 'cache', message: 'a disk is slow', key: 'b/k', ms: 12, isFull: false }])
  t.ok(Number.isFinite(Date.parse(String(lines[0]!.time))))
  t.end()
})

t.test('lines below the level are not written', (t) => {
  const { log, lines } = captured('warn')
  log.debug('no')
  log.info('no')
  log.warn('yes')
  log.error('yes')
  t.equal(lines.length, 2)
  t.end()
})

t.test('what looks like a secret is masked wherever it stands', (t) => {
  const secret = 'c2VjcmV0'
  const texts = [
    `/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=${secret}&x-id=GetObject`,
    `/b/k?x-amz-security-token=${secret}`,
    `/b/k?AWSAccessKeyId=a&Signature=${secret}&Expires=1`,
    `Authorization: AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/s3/aws4_request, Signature=${secret}`,
    `{"authorization":"Bearer ${secret}"}`,
    `X-Amz-Security-Token: ${secret}`,
  ]
  for (const text of texts) {
    const { log, lines } = captured('info')
    log.error(text, { detail: text })
    t.notMatch(JSON.stringify(lines), secret, text)
  }
  const { log, lines } = captured('info')
  for (const name of ['secret_key', 'secretKey', 'password', 'token', 'Authorization', 'Cookie']) {
    log.info('told', { [name]: secret })
  }
  t.equal(lines.length, 6)
  t.notMatch(JSON.stringify(lines), secret)
  t.end()
})

t.test('what is not a secret stays readable', (t) => {
  const text = 'GET /artifacts/signature.map?versionId=7 was answered 200 by cache1'
  t.equal(masked(text), text)
  t.end()
})
