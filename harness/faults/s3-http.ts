// Faults of S3 itself at the HTTP level: the origin goes on answering, wrongly.
import type { OriginFault, OriginHandle } from '../origins/handle.ts'
import type { Fault } from './fault.ts'

/** S3 misbehaves as `fault` says; the origin counts the requests it acted on. */
export function s3Misbehaves(
  origin: OriginHandle,
  fault: Omit<OriginFault, 'id' | 'share' | 'prefix'> & Partial<OriginFault>,
): Fault {
  const id = fault.id ?? fault.kind
  return {
    name: `S3 ${fault.kind}`,
    target: 's3',
    apply: () => origin.setFault({ share: 1, prefix: '', ...fault, id }),
    async heal() {
      const { touched } = await origin.clearFault(id)
      return { count: touched, evidence: 'requests the origin itself answered so' }
    },
  }
}
