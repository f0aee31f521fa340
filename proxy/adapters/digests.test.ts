import t from 'tap'
import type { DigestAlgorithm } from '../ports.ts'
import { nodeDigests } from './digests.ts'

t.test('digests of "hello world" in two pieces, as S3 states them', async (t) => {
  const cases: [DigestAlgorithm, string][] = [
    ['md5', 'XrY7u+Ae7tCTyyK7j1rNww=='],
    ['sha1', 'Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
    ['sha256', 'uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek='],
    ['crc32', 'DUoRhQ=='],
    ['crc32c', 'yZRlqg=='],
    ['crc64nvme', 'jSnVw/bqjr4='],
  ]
  for (const [algorithm, expected] of cases) {
    const running = nodeDigests.start(algorithm)
    for (const piece of ['hello ', 'world']) running.update(new TextEncoder().encode(piece))
    t.equal(await running.value(), expected, algorithm)
  }
})
