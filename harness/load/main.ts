// The load generator's process: takes its parent's messages over the IPC channel and answers them (messages.ts).
// It ends when the channel closes, so it never outlives the run.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { messageOf } from '../errors.ts'
import { Generation } from './generation.ts'
import type { FromGenerator, GeneratorConfig, ToGenerator } from './messages.ts'
import { readManifest } from './objects.ts'

const say = (message: FromGenerator) => process.send!(message)
const loopDelay = monitorEventLoopDelay({ resolution: 10 })
const gc = { pauses: 0, totalMs: 0, longestMs: 0 }
const gcObserver = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) {
    gc.pauses += 1
    gc.totalMs += duration
    gc.longestMs = Math.max(gc.longestMs, duration)
  }
})
let generation: Generation | null = null

async function start(config: GeneratorConfig): Promise<void> {
  const objects = await readManifest(config.manifest)
  const startNs = BigInt(config.runStartNs)
  const nowMs = () => Number(process.hrtime.bigint() - startNs) / 1e6
  const counts = { knownObjects: objects.known.length, neverReadObjects: objects.neverRead.length }
  generation = new Generation(config, objects, nowMs, (line) => say({ type: 'line', line }))
  loopDelay.enable()
  gcObserver.observe({ entryTypes: ['gc'] })
  say({ type: 'ready', ...counts })
}

async function end(running: Generation, graceMs: number): Promise<void> {
  await running.end(graceMs)
  const { scheduled, sent, dropped } = running.recorder
  const { user, system } = process.cpuUsage()
  const line = {
    type: 'generator',
    slipP99Ms: running.recorder.slipP99Ms(),
    cpuSeconds: (user + system) / 1e6,
    eventLoopLagP99Ms: loopDelay.percentile(99) / 1e6,
    gc,
    scheduled,
    sent,
    dropped,
  } as const
  say({ type: 'line', line })
  say({ type: 'ended' })
}

async function take(message: ToGenerator): Promise<void> {
  if (message.type === 'start') return start(message.config)
  if (generation === null) throw new Error('the generator has not been started')
  switch (message.type) {
    case 'phase':
      say(await generation.run(message.phase))
      return
    case 'verify-uploads':
      say({ type: 'uploads-verified', ...(await generation.verifyUploads(message.origin)) })
      return
    case 'end':
      return end(generation, message.graceMs)
  }
}

process.on('message', (message: ToGenerator) => {
  take(message).catch((error) => say({ type: 'refused', reason: messageOf(error) }))
})
process.on('disconnect', () => process.exit())
// The parent may have gone before anybody here could hear of it, and its first messages be read all the same.
if (!process.connected) process.exit()
