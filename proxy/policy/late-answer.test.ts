import t from 'tap'
import { answersLate, LateVerdict } from './late-answer.ts'

t.test('what S3 answers late', async (t) => {
  const copy = ['X-Amz-Copy-Source', '/b/other']
  const cases: [string, string, string[], boolean][] = [
    ['PUT', '/b/k', copy, true],
    ['PUT', '/b/k?partNumber=1&uploadId=u', copy, true],
    ['POST', '/b/k?uploadId=u', [], true],
    ['POST', '/b?delete', [], true],
    ['POST', '/b?x-id=DeleteObjects&delete=', [], true],
    ['POST', '/b/k?select&select-type=2', [], true],
    ['PUT', '/b/k', [], false],
    ['PUT', '/b/k?partNumber=1&uploadId=u', [], false],
    ['POST', '/b/k?uploads', [], false],
    ['POST', '/b', [], false],
    ['DELETE', '/b/k?uploadId=u', [], false],
    ['GET', '/b/k', copy, false],
  ]
  for (const [method, target, headers, late] of cases) {
    t.equal(answersLate({ method, target, headers }), late, `${method} ${target} ${headers}`)
  }
})

t.test(
  'an error is told from a result, however much white space comes first and however it is cut',
  async (t) => {
    const cases: [string, boolean][] = [
      ['<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code></Error>', true],
      [`${' \n'.repeat(5000)}<Error>`, true],
      ['<?xml version="1.0"?><CompleteMultipartUploadResult><Error/>', false],
      [`${' '.repeat(1000)}<CopyObjectResult>${'x'.repeat(1000)}</CopyObjectResult>`, false],
      ['<Errors>', false],
      ['', false],
    ]
    for (const [text, isError] of cases) {
      for (const size of [1, 7, 300, 100_000]) {
        const verdict = new LateVerdict()
        const bytes = new TextEncoder().encode(text)
        for (let at = 0; at < bytes.length; at += size) verdict.read(bytes.subarray(at, at + size))
        t.equal(verdict.saysError, isError, `${text.trim().slice(0, 40)} by ${size}`)
      }
    }
  },
)
