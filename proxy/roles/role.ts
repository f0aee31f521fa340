// What a role of the proxy is to the process that runs it.

export interface RunningRole {
  /** For standard output, once it listens. */
  readonly readyLine: string
  /** Reads the configuration again; a bad file leaves the old one in force and every mistake in the log. */
  reload(): Promise<void>
  /** Stops taking requests, answers those under way, closes everything. */
  drain(): Promise<void>
}

/** "breakwater cache listening on 127.0.0.1:8080, admin on 127.0.0.1:8081" */
export function readyLine(role: string, address: string, adminAddress: string | undefined): string {
  return `breakwater ${role} listening on ${address}${adminAddress === undefined ? '' : `, admin on ${adminAddress}`}`
}
