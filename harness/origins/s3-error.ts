// The errors S3 answers with, as its XML. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import type { ComputedSignature, SigV4Denial } from '../../proxy/adapters/sigv4.ts'
import type { S3Answer } from './s3-request.ts'

interface S3ErrorKind {
  readonly status: number
  readonly message: string
}

const kinds = {
  AccessDenied: { status: 403, message: 'Access Denied' },
  AuthorizationHeaderMalformed: { status: 400, message: 'The authorization header is malformed.' },
  BadDigest: {
    status: 400,
    message: 'The Content-MD5 or checksum you specified did not match what we received.',
  },
  IncompleteBody: {
    status: 400,
    message: 'You did not provide the number of bytes specified by the Content-Length.',
  },
  InternalError: { status: 500, message: 'We encountered an internal error. Please try again.' },
  InvalidAccessKeyId: {
    status: 403,
    message: 'The AWS Access Key Id you provided does not exist in our records.',
  },
  InvalidArgument: { status: 400, message: 'Invalid Argument' },
  InvalidPart: { status: 400, message: 'One or more of the specified parts could not be found.' },
  InvalidPartOrder: { status: 400, message: 'The list of parts was not in ascending order.' },
  InvalidRange: { status: 416, message: 'The requested range is not satisfiable' },
  InvalidURI: { status: 400, message: 'Could not parse the specified URI.' },
  MalformedXML: { status: 400, message: 'The XML you provided was not well-formed.' },
  MethodNotAllowed: { status: 405, message: 'The specified method is not allowed against this resource.' },
  MissingContentLength: { status: 411, message: 'You must provide the Content-Length HTTP header.' },
  NoSuchBucket: { status: 404, message: 'The specified bucket does not exist' },
  NoSuchKey: { status: 404, message: 'The specified key does not exist.' },
  NoSuchUpload: { status: 404, message: 'The specified multipart upload does not exist.' },
  NotImplemented: {
    status: 501,
    message: 'A header or parameter implies functionality that is not implemented.',
  },
  PreconditionFailed: {
    status: 412,
    message: 'At least one of the pre-conditions you specified did not hold',
  },
  RequestTimeTooSkewed: {
    status: 403,
    message: "The difference between the request time and the server's time is too large.",
  },
  SignatureDoesNotMatch: {
    status: 403,
    message: 'The request signature we calculated does not match the signature you provided.',
  },
  SlowDown: { status: 503, message: 'Please reduce your request rate.' },
  XAmzContentSHA256Mismatch: {
    status: 400,
    message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
  },
} satisfies Record<string, S3ErrorKind>
export type S3ErrorCode = keyof typeof kinds

/** Further elements of an error document, by name. */
export type ErrorDetails = Readonly<Record<string, string>>

/** Thrown for what S3 would refuse. */
export class S3Refusal extends Error {
  readonly code: S3ErrorCode
  readonly details: ErrorDetails

  constructor(code: S3ErrorCode, message: string = kinds[code].message, details: ErrorDetails = {}) {
    super(message)
    this.name = 'S3Refusal'
    this.code = code
    this.details = details
  }
}

interface ErrorParts {
  /** S3's own words for the code are the default. */
  readonly message?: string
  /** Differs from the code's own only when a fault wants it so. */
  readonly status?: number
  readonly details?: ErrorDetails
}

/** The answer to a request S3 refuses. */
export function errorAnswer(
  code: S3ErrorCode,
  resource: string,
  requestId: string,
  { message = kinds[code].message, status = kinds[code].status, details = {} }: ErrorParts = {},
): S3Answer {
  const elements = { Code: code, Message: message, ...details, Resource: resource, RequestId: requestId }
  const content = Object.entries(elements).map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`)
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${content.join('')}</Error>`)
  return {
    status,
    headers: ['Content-Type', 'application/xml', 'Content-Length', String(body.length)],
    body,
  }
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** What S3 says in a SignatureDoesNotMatch, so that who signed can tell what came otherwise than it was signed. */
export function mismatchDetails(computed: ComputedSignature): ErrorDetails {
  return {
    AWSAccessKeyId: computed.accessKey,
    StringToSign: computed.stringToSign,
    SignatureProvided: computed.signature,
    CanonicalRequest: withoutSecrets(computed.canonical),
  }
}

/** A session's token and a customer's encryption key are among what is signed. */
function withoutSecrets(canonical: string): string {
  return canonical
    .replace(/^(x-amz-security-token|x-amz-.*-customer-key):.+$/gm, '$1:(hidden)')
    .replace(/(X-Amz-Security-Token=)[^&\n]+/, '$1(hidden)')
}

/** What S3 says to each reason a signature is refused for. */
export const denialErrors: Readonly<Record<SigV4Denial, readonly [S3ErrorCode, string?]>> = {
  missing: ['AccessDenied'],
  malformed: ['AuthorizationHeaderMalformed'],
  'wrong-scope': [
    'AuthorizationHeaderMalformed',
    'The authorization header is malformed; wrong region or service',
  ],
  'unknown-key': ['InvalidAccessKeyId'],
  'bad-signature': ['SignatureDoesNotMatch'],
  skewed: ['RequestTimeTooSkewed'],
  expired: ['AccessDenied', 'Request has expired'],
  'headers-not-signed': ['AccessDenied', 'There were headers present in the request which were not signed'],
}
