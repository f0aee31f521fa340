// Makes a certificate authority for one run, and server certificates signed by it: good ones and wrong ones.
// Keys never leave the run's directory.
import { webcrypto } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import type { CertificateKind } from './handle.ts'

x509.cryptoProvider.set(webcrypto as never)

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const day = 86_400_000

export interface ServerCertificate {
  /** PEM of the certificate, and of its private key (PKCS #8). */
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** PEM file that clients verify against. */
  readonly caFile: string
  readonly ca: string
  /** A certificate for `host`, or one that is wrong in the named way. */
  issue(host: string, kind?: CertificateKind): Promise<ServerCertificate>
  /** One of each kind. */
  issueAll(host: string): Promise<Readonly<Record<CertificateKind, ServerCertificate>>>
}

/** Makes a new authority and writes its certificate to `dir`/ca.pem. */
export async function makeAuthority(dir: string): Promise<Authority> {
  await mkdir(dir, { recursive: true })
  const trusted = await makeRoot('breakwater run authority')
  const ca = trusted.certificate.toString('pem')
  const caFile = join(dir, 'ca.pem')
  await writeFile(caFile, `${ca}\n`)
  const issue = async (host: string, kind: CertificateKind = 'good') => {
    const root = kind === 'unknown-authority' ? await makeRoot('somebody else') : trusted
    return issueServer(root, kind === 'wrong-name' ? `not-${host}` : host, kind === 'expired')
  }
  return {
    caFile,
    ca,
    issue,
    issueAll: async (host) => ({
      good: await issue(host),
      expired: await issue(host, 'expired'),
      'wrong-name': await issue(host, 'wrong-name'),
      'unknown-authority': await issue(host, 'unknown-authority'),
    }),
  }
}

interface Root {
  readonly certificate: x509.X509Certificate
  readonly keys: CryptoKeyPair
}

async function makeRoot(name: string): Promise<Root> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - 30 * day),
    notAfter: new Date(Date.now() + 30 * day),
    signingAlgorithm: keyAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keys }
}

async function issueServer(root: Root, host: string, expired: boolean): Promise<ServerCertificate> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${host}`,
    issuer: root.certificate.subject,
    notBefore: new Date(Date.now() - 20 * day),
    notAfter: new Date(Date.now() + (expired ? -1 : 20) * day),
    signingKey: root.keys.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: keyAlgorithm,
    extensions: [
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(root.certificate),
    ],
  })
  return { cert: `${certificate.toString('pem')}\n`, key: await privateKeyPem(keys.privateKey) }
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])) as CryptoKeyPair
}

async function privateKeyPem(key: CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key as never)
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`
}
