// What the router as a whole did for its clients. Flow.
import type { RouterPorts, Timing } from './options.ts'
import { Rate } from './rate.ts'

export class Totals {
  readonly startedWallMs: number
  /** Times from a complete request to the head of its answer. */
  readonly firstByte: Timing
  readonly rate: Rate
  readonly byStatusClass = [0, 0, 0, 0, 0, 0]
  requests = 0
  /** Answered 503 by the router itself. */
  refused = 0
  /** Answered from the router's own memory. */
  memoryHits = 0
  bytesOut = 0
  inFlight = 0
  maxInFlight = 0

  constructor(ports: Pick<RouterPorts, 'clock' | 'timing'>) {
    this.startedWallMs = ports.clock.wallMs()
    this.firstByte = ports.timing()
    this.rate = new Rate(ports.clock)
  }

  begin(nowMs: number): void {
    this.requests++
    this.rate.count(nowMs)
    this.inFlight++
    if (this.inFlight > this.maxInFlight) this.maxInFlight = this.inFlight
  }

  /** `headMs` -1: no server's answer ever began. */
  end(status: number, bytes: number, headMs: number, served: boolean): void {
    this.inFlight--
    this.bytesOut += bytes
    this.byStatusClass[Math.floor(status / 100)]!++
    if (headMs >= 0) this.firstByte.record(headMs)
    if (!served) this.refused++
  }
}
