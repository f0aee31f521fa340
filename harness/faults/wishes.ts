// A setting that several faults may want to differ at once: the latest wish holds, and when the last one is withdrawn
// the setting is as it was. Without this, healing one fault would undo another that came after it.

/** Changes the setting; null puts back what was there before the first wish. */
export type Setter<T> = (wish: T | null) => Promise<void>

export class Wishes<T> {
  readonly #wishes = new Map<symbol, T>()
  readonly #set: Setter<T>

  constructor(set: Setter<T>) {
    this.#set = set
  }

  /** Somebody wishes it to differ. */
  get standing(): boolean {
    return this.#wishes.size > 0
  }

  async add(token: symbol, wish: T): Promise<void> {
    this.#wishes.set(token, wish)
    await this.#set(wish)
  }

  /** Withdrawing what was never wished changes nothing. A wish that could not be withdrawn still stands. */
  async withdraw(token: symbol): Promise<void> {
    const wish = this.#wishes.get(token)
    if (!this.#wishes.delete(token)) return
    try {
      await this.#set([...this.#wishes.values()].at(-1) ?? null)
    } catch (error) {
      this.#wishes.set(token, wish!)
      throw error
    }
  }
}

const known = new WeakMap<object, Map<string, Wishes<never>>>()

/** The wishes about one setting of `owner`; all faults on it share them. `set` is used for the first that asks. */
export function wishesAbout<T>(owner: object, setting: string, set: Setter<T>): Wishes<T> {
  const settings = known.get(owner) ?? new Map<string, Wishes<never>>()
  known.set(owner, settings)
  const wishes = settings.get(setting) ?? (new Wishes(set) as unknown as Wishes<never>)
  settings.set(setting, wishes)
  return wishes as unknown as Wishes<T>
}
