// The StoreWriter of the disk store: guards that a body ends once, in its announced length, and within its room.
import assert from 'node:assert'
import { ProxyError } from '../../errors.ts'
import type { EntryMeta, StoredEntry } from '../../object.ts'
import type { StoreWriter } from '../../ports.ts'
import type { BodyWriter } from './body-writer.ts'
import type { Handle } from './handles.ts'
import { lengthError } from './length-error.ts'
import { noRoom, storeError } from './store-error.ts'

export interface CommittedBody {
  readonly entry: StoredEntry
  /** Pinned for readers of the writer; null when the body is in the index. */
  readonly handle: Handle | null
}

/** What the store does for one writer. */
export interface WriterStore {
  /** Null when a body of so many bytes has its room already; false when there is no more. */
  grow(bodyBytes: number): Promise<boolean> | null
  commit(body: BodyWriter, meta: EntryMeta): Promise<CommittedBody>
  abandon(body: BodyWriter): Promise<void>
  release(handle: Handle): void
  /** Told of what the disk refused, so that the store stops asking it. */
  onFailure(error: unknown): void
}

export class DiskWriter implements StoreWriter {
  readonly #body: BodyWriter
  readonly #store: WriterStore
  #handle: Handle | null = null
  #ended = false

  constructor(body: BodyWriter, store: WriterStore) {
    this.#body = body
    this.#store = store
  }

  get writtenBytes(): number {
    return this.#body.writtenBytes
  }

  write(chunk: Uint8Array): void | Promise<void> {
    assert(!this.#ended, 'write after commit or abort')
    const growing = this.#store.grow(this.writtenBytes + chunk.length)
    if (growing !== null) return this.#writeOnceGrown(growing, chunk)
    const lag = this.#body.write(chunk)
    return lag?.catch((error: unknown) => this.#fail(error))
  }

  async read(offset: number, maxBytes: number): Promise<Uint8Array> {
    return await this.#body.read(offset, maxBytes).catch((error: unknown) => this.#fail(error))
  }

  async commit(meta: EntryMeta): Promise<StoredEntry> {
    this.#end()
    try {
      const wrong = lengthError(this.#body.key, meta.bodyBytes, this.writtenBytes)
      if (wrong !== null) throw wrong
      const { entry, handle } = await this.#store.commit(this.#body, meta)
      this.#handle = handle
      return entry
    } catch (error) {
      await this.#store.abandon(this.#body)
      return this.#fail(error)
    }
  }

  async abort(): Promise<void> {
    this.#end()
    await this.#store.abandon(this.#body)
    this.#body.forget()
  }

  release(): void {
    this.#body.forget()
    if (this.#handle !== null) this.#store.release(this.#handle)
    this.#handle = null
  }

  async #writeOnceGrown(growing: Promise<boolean>, chunk: Uint8Array): Promise<void> {
    if (!(await growing)) throw noRoom(this.#body.key)
    await this.write(chunk)
  }

  #fail(error: unknown): never {
    if (!(error instanceof ProxyError)) this.#store.onFailure(error)
    throw storeError(this.#body.key, error)
  }

  #end(): void {
    assert(!this.#ended, 'a writer ends once')
    this.#ended = true
  }
}
