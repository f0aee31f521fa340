// What happens in the server, as it happens, to whoever listens at GET /events (server-sent events).
import type { ServerResponse } from 'node:http'

export type Emit = (event: string, data: Readonly<Record<string, unknown>>) => void

/** A listener that reads more slowly than things happen is let go rather than remembered for. */
const patienceBytes = 1024 * 1024

export interface Events {
  readonly emit: Emit
  /** Sends everything from now on to this response, which stays open. */
  follow(response: ServerResponse): void
}

export function createEvents(): Events {
  const followers = new Set<ServerResponse>()
  return {
    emit(event, data) {
      if (followers.size === 0) return
      const lines = `event: ${event}\ndata: ${JSON.stringify({ at: new Date().toISOString(), ...data })}\n\n`
      for (const follower of followers) {
        if (follower.writableLength > patienceBytes) follower.destroy()
        else follower.write(lines)
      }
    },
    follow(response) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      response.flushHeaders()
      followers.add(response)
      response.on('close', () => followers.delete(response))
    },
  }
}
