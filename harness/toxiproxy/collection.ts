// The proxies by name. Changes are made one after the other, each complete before the next begins.
import { ApiError, proxyAlreadyExists, proxyNotFound } from './api-error.ts'
import type { ProxyInput } from './bodies.ts'
import { type ProxySettings, type ProxyWorld, TcpProxy } from './proxy.ts'

/** What populating did: the proxies made or found before the first that failed, and that failure. */
export interface Populated {
  readonly proxies: readonly TcpProxy[]
  readonly error?: ApiError
}

export class Collection {
  readonly #proxies = new Map<string, TcpProxy>()
  readonly #world: ProxyWorld
  #last: Promise<unknown> = Promise.resolve()

  constructor(world: ProxyWorld) {
    this.#world = world
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(change)
    this.#last = mine.catch(() => {})
    return mine
  }

  all(): TcpProxy[] {
    return [...this.#proxies.values()]
  }

  get(name: string): TcpProxy {
    const proxy = this.#proxies.get(name)
    if (proxy === undefined) throw proxyNotFound()
    return proxy
  }

  add(input: ProxyInput): Promise<TcpProxy> {
    return this.#inTurn(async () => {
      if (this.#proxies.has(input.name)) throw proxyAlreadyExists()
      return await this.#create(input)
    })
  }

  async #create(input: ProxyInput): Promise<TcpProxy> {
    const proxy = new TcpProxy(input.name, input, this.#world)
    for (const toxic of input.toxics) proxy.addToxic(toxic)
    if (input.enabled) await proxy.start()
    this.#proxies.set(proxy.name, proxy)
    this.#world.emit('proxy-created', { proxy: proxy.name })
    return proxy
  }

  /** `change` is made of what the proxy is once it is this change's turn: by then it may have been removed, too. */
  update(name: string, change: (settings: ProxySettings) => ProxySettings): Promise<TcpProxy> {
    return this.#inTurn(async () => {
      const proxy = this.get(name)
      await proxy.update(change(proxy.settings)).finally(() => {
        this.#world.emit('proxy-updated', { proxy: name, enabled: proxy.settings.enabled })
      })
      return proxy
    })
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.get(name).stop()
      this.#proxies.delete(name)
      this.#world.emit('proxy-removed', { proxy: name })
    })
  }

  populate(inputs: readonly ProxyInput[]): Promise<Populated> {
    return this.#inTurn(async () => {
      const proxies: TcpProxy[] = []
      for (const input of inputs) {
        try {
          proxies.push(await this.#createOrKeep(input))
        } catch (error) {
          return { proxies, error: asApiError(error) }
        }
      }
      return { proxies }
    })
  }

  /** One that is the same already stays untouched, toxics and all; one that differs is replaced. */
  async #createOrKeep(input: ProxyInput): Promise<TcpProxy> {
    const existing = this.#proxies.get(input.name)
    if (existing !== undefined && !(await existing.differs(input))) return existing
    existing?.stop()
    return await this.#create(input)
  }

  /** Starts every proxy and removes all toxics; the first that can't be started ends it. */
  reset(): Promise<void> {
    return this.#inTurn(async () => {
      for (const proxy of this.all()) {
        await proxy.start()
        proxy.removeAllToxics()
      }
    })
  }

  close(): void {
    for (const proxy of this.all()) proxy.stop()
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError(error instanceof Error ? error.message : String(error), 500)
}
