// Prometheus metrics that are read from a role's state whenever somebody asks: nothing is counted a second time.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { AddressState } from '../policy/address-health.ts'

/** A value under its labels. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]

export interface Metric {
  readonly kind: 'gauge' | 'counter'
  readonly name: string
  readonly help: string
  /** Names of the labels; none for a metric of one value. */
  readonly labels: readonly string[]
  read(): Iterable<Sample>
}

/** Adds `metric` to what `registry` shows. */
export function expose(registry: Registry, metric: Metric): void {
  const { kind, name, help, labels, read } = metric
  const collect = (target: Gauge | Counter) => {
    target.reset()
    for (const [values, value] of read()) target.inc({ ...values }, value)
  }
  const described = { name, help, labelNames: [...labels], registers: [registry] }
  if (kind === 'gauge') {
    new Gauge({
      ...described,
      collect() {
        collect(this)
      },
    })
  } else {
    new Counter({
      ...described,
      collect() {
        collect(this)
      },
    })
  }
}

export const addressHelp = '1 while connections go to the address, 0 while they avoid it.'

/** One sample for each address of a server's name. */
export function addressSamples(
  labels: Readonly<Record<string, string>>,
  addresses: readonly AddressState[],
): Sample[] {
  return addresses.map(({ address, state }) => [{ ...labels, address }, Number(state === 'up')])
}
