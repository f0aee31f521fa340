// Wakes the generator at a fraction of a millisecond. Node's own timers round up to whole milliseconds, which would
// stand in every response time; a thread asleep in Atomics.wait is woken by the kernel within about 0.1 ms.
import { Worker } from 'node:worker_threads'

/** Shorter sleeps aren't worth their wake-up: what falls due in between is sent together. */
const shortestSleepMs = 0.2

const sleeper = `
const { parentPort } = require('node:worker_threads')
const cell = new Int32Array(new SharedArrayBuffer(4))
parentPort.on('message', (ms) => {
  Atomics.wait(cell, 0, 0, ms)
  parentPort.postMessage(0)
})`

/** One sleep at a time. */
export class Alarm {
  readonly #worker = new Worker(sleeper, { eval: true })
  #onWake: (() => void) | null = null

  constructor() {
    this.#worker.on('message', () => {
      const wake = this.#onWake
      this.#onWake = null
      wake?.()
    })
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onWake = resolve
      this.#worker.postMessage(Math.max(shortestSleepMs, ms))
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
