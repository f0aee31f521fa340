// Faults of S3 itself: at the HTTP level, where the origin goes on answering, wrongly, and in the certificate it shows.
import type { CertificateKind, OriginFault, OriginHandle } from '../origins/handle.ts'
import { type Fault, makeFault } from './fault.ts'
import { wishesAbout } from './wishes.ts'

/** S3 misbehaves as `fault` says, towards every request unless a share or prefix is given. */
export function s3Misbehaves(
  origin: OriginHandle,
  fault: Omit<OriginFault, 'id' | 'share' | 'prefix'> & Partial<OriginFault>,
): Fault {
  const id = fault.id ?? fault.kind
  return makeFault({
    name: `S3 ${fault.kind}`,
    target: 's3',
    evidence: 'requests the origin itself answered so',
    apply: () => origin.setFault({ share: 1, prefix: '', ...fault, id }),
    undo: async () => (await origin.clearFault(id)).touched,
  })
}

/** S3 shows a certificate that no client may accept. Connections that are in use go on. */
export function s3ShowsCertificate(origin: OriginHandle, kind: Exclude<CertificateKind, 'good'>): Fault {
  const token = Symbol(kind)
  let handshakes = 0
  const wishes = wishesAbout<CertificateKind>(origin, 'certificate', async (wish) => {
    await origin.setCertificate(wish ?? 'good')
  })
  return makeFault({
    name: `S3's certificate: ${kind}`,
    target: 's3',
    evidence: 'handshakes begun while the origin showed the wrong certificate',
    async apply() {
      handshakes = (await origin.handshakes())[kind]
      await wishes.add(token, kind)
    },
    async undo() {
      await wishes.withdraw(token)
      return (await origin.handshakes())[kind] - handshakes
    },
  })
}
