// Speaks to a real S3 with the user's own credentials: where it is, and requests signed for it.
import { readFileSync } from 'node:fs'
import { Pool } from 'undici'
import { emptyPayloadHash, type SigningCredentials, signSigV4 } from '../../proxy/adapters/sigv4.ts'
import { withoutHeaders } from '../../proxy/object.ts'
import { messageOf, UsageError } from '../errors.ts'
import type { S3Answer } from './s3-request.ts'

export interface ExternalPlace {
  readonly origin: string
  readonly host: string
  readonly bucket: string
  readonly region: string
  readonly credentials: SigningCredentials
  /** PEM; the system's own authorities when null. */
  readonly ca: string | null
}

/**
 * `https://HOST[:PORT]/BUCKET` and the environment variables that AWS's own tools read.
 * @throws UsageError that says what is missing.
 */
export function externalPlace(url: string, env: NodeJS.ProcessEnv): ExternalPlace {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const bucket = /^\/([^/]+)\/?$/.exec(parsed?.pathname ?? '')?.[1]
  if (parsed === null || bucket === undefined) {
    throw new UsageError(`--origin ${url}: expected https://HOST/BUCKET, with the bucket in the path`)
  }
  const {
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env
  if (!accessKey || !secretKey) {
    throw new UsageError(`--origin ${url}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`)
  }
  return {
    origin: parsed.origin,
    host: parsed.host,
    bucket: decodeURIComponent(bucket),
    region: env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? 'us-east-1',
    credentials: { accessKey, secretKey, ...(sessionToken && { sessionToken }) },
    ca: env.AWS_CA_BUNDLE ? readBundle(env.AWS_CA_BUNDLE) : null,
  }
}

function readBundle(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UsageError(`AWS_CA_BUNDLE: ${messageOf(error)}`)
  }
}

export interface ExternalRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly string[]
  readonly body: Uint8Array | null
  /** Hex SHA-256 of the body. */
  readonly payloadHash?: string
}

export interface ExternalS3 {
  send(request: ExternalRequest): Promise<S3Answer>
  close(): Promise<void>
}

const ofTheHop = new Set(['connection', 'keep-alive', 'transfer-encoding'])

export function openExternal({ origin, host, region, credentials, ca }: ExternalPlace): ExternalS3 {
  const pool = new Pool(origin, { connections: 64, ...(ca !== null && { connect: { ca } }) })
  return {
    async send({ method, target, headers, body, payloadHash = emptyPayloadHash }) {
      const own = ['Host', host, ...headers]
      const signing = { region, service: 's3', credentials, payloadHash, nowMs: Date.now() }
      const answer = await pool.request({
        method: method as 'GET',
        path: target,
        headers: [...own, ...signSigV4({ method, target, headers: own, ...signing })],
        body,
        responseHeaders: 'raw',
      })
      const isBare = method === 'HEAD'
      if (isBare) await answer.body.dump()
      const raw = withoutHeaders(answer.headers as unknown as string[], ofTheHop)
      return { status: answer.statusCode, headers: raw, body: isBare ? null : answer.body }
    },
    close: () => pool.destroy(),
  }
}
