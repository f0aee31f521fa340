import t from 'tap'
import { crc32 } from '../crc32.ts'
import { Blocks } from './blocks.ts'
import { Buffers } from './buffers.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { checksumSeed } from './layout.ts'
import { StoredBody } from './stored-body.ts'
import { bodyOf } from './testing.ts'

const blockBytes = 65_536
const content = bodyOf(20 * blockBytes)
const checksums = Array.from({ length: 20 }, (_, block) =>
  crc32(content.subarray(block * blockBytes, (block + 1) * blockBytes), checksumSeed(7, block)),
)

/** Bodies of one file whose reads end when they are told to; how each body ended. */
function makeFile() {
  const waiting: (() => void)[] = []
  const files: FileSystem = {
    ...nodeFileSystem,
    async read(_fd, buffer, position) {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return content.copy(buffer, 0, position)
    },
  }
  const buffers = new Buffers()
  const blocks = new Blocks(files, () => 0)
  const ended: unknown[] = []
  const handle = { serial: 7, fd: 0, checksums, readMs: null }
  const open = (first = 0, last = content.length - 1) =>
    new StoredBody({
      blocks,
      buffers,
      body: { key: '/b/key', bodyBytes: content.length, handle },
      first,
      last,
      onEnd: (error) => ended.push(error),
    })
  const readAll = async () => {
    for (let read = waiting.shift(); read !== undefined; read = waiting.shift()) {
      read()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { open, buffers, ended, waiting, readAll }
}

t.test('while a piece from the disk is sent the next is read; their memory is used in turns', async (t) => {
  const { open, waiting, ended, readAll } = makeFile()
  const body = open()
  const starting = body.start()
  await readAll()
  await starting
  const memories = new Set<ArrayBufferLike>()
  let at = 0
  for (let piece = await body.lend(); piece !== null; piece = await body.lend()) {
    t.ok(content.subarray(at, at + piece.length).equals(piece), `from ${at}`)
    at += piece.length
    memories.add(piece.buffer)
    t.equal(waiting.length, at < content.length ? 1 : 0)
    await readAll()
  }
  t.strictSame([at, memories.size, ended], [content.length, 2, [null]])
})

t.test(
  'who leaves while a piece is being read gives its memory and the file back when that is done',
  async (t) => {
    const { open, buffers, ended, readAll } = makeFile()
    const body = open()
    void body.start()
    const lending = body.lend()
    body.leave()
    t.strictSame(ended, [])
    await readAll()
    t.strictSame([await lending, ended, buffers.lentBytes], [null, [null], 0])
  },
)

t.test('pieces are a block each while much is lent', async (t) => {
  const { open, buffers, readAll } = makeFile()
  const held = Array.from({ length: 130 }, () => buffers.take(8))
  const body = open(10)
  const starting = body.start()
  await readAll()
  await starting
  t.equal((await body.lend())!.length, blockBytes - 10)
  for (const buffer of held) buffers.giveBack(buffer)
  const lending = body.lend()
  await readAll()
  t.equal((await lending)!.length, 8 * blockBytes)
  body.leave()
  await readAll()
  t.equal(buffers.lentBytes, 0)
})
