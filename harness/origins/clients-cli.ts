// Command-line S3 clients as found on PATH: AWS CLI, s3cmd and rclone, as clients of the table.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ClientKind, ClientTarget } from './clients.ts'
import { startNameProxy } from './clients-name-proxy.ts'

const deadlineMs = 60_000
const maxOutputBytes = 64 * 2 ** 20
const maxErrorText = 500
/** On a busy machine S3 may be silent for longer than a proxy waits; a 503 is then what these clients are made to take. */
const attempts = '3'

type Run = (...args: string[]) => Promise<Buffer>

/** Runs a command with an environment of its own: nothing of the user's S3 settings reaches it. */
function runner(command: string, fixed: readonly string[], env: Record<string, string>): Run {
  return async (...args) => {
    const options = {
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...env },
      timeout: deadlineMs,
      maxBuffer: maxOutputBytes,
      encoding: 'buffer' as const,
    }
    try {
      return (await promisify(execFile)(command, [...fixed, ...args], options)).stdout
    } catch (error) {
      const said = (error as { stderr?: Buffer }).stderr?.toString().trim().slice(-maxErrorText)
      throw new Error(`${command} ${args.join(' ')} failed: ${said}`)
    }
  }
}

function proxyEnv(url: string): Record<string, string> {
  return { HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url }
}

const endpointOf = ({ scheme, host }: ClientTarget) => `${scheme}://${host}`

const awsCli: ClientKind = {
  name: 'AWS CLI',
  command: 'aws',
  async bind(target, scratch) {
    const proxy = await startNameProxy(target.address)
    const config = join(scratch, 'aws-config')
    await writeFile(
      config,
      '[default]\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n  multipart_threshold = 8MB\n  multipart_chunksize = 5MB\n',
    )
    const run = runner('aws', ['--endpoint-url', endpointOf(target), '--ca-bundle', target.caFile], {
      ...proxyEnv(proxy.url),
      HOME: scratch,
      AWS_CONFIG_FILE: config,
      AWS_ACCESS_KEY_ID: target.credentials.accessKey,
      AWS_SECRET_ACCESS_KEY: target.credentials.secretKey,
      AWS_DEFAULT_REGION: target.region,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_MAX_ATTEMPTS: attempts,
    })
    const { bucket } = target
    const url = (key: string) => `s3://${bucket}/${key}`
    const put = async (key: string, file: string) => void (await run('s3', 'cp', '--quiet', file, url(key)))
    return {
      put,
      putInParts: put,
      get: async (key, file) =>
        void (await run('s3api', 'get-object', '--bucket', bucket, '--key', key, file)),
      async getRange(key, first, last) {
        const file = join(scratch, 'range')
        const range = ['--range', `bytes=${first}-${last}`]
        await run('s3api', 'get-object', '--bucket', bucket, '--key', key, ...range, file)
        return readFile(file)
      },
      async head(key) {
        const answer = await run('s3api', 'head-object', '--bucket', bucket, '--key', key)
        return { bytes: JSON.parse(answer.toString()).ContentLength }
      },
      async list(prefix) {
        const query = ['--prefix', prefix, '--page-size', '2', '--output', 'json']
        const answer = await run('s3api', 'list-objects-v2', '--bucket', bucket, ...query)
        return (JSON.parse(answer.toString()).Contents as { Key: string }[]).map(({ Key }) => Key)
      },
      copy: async (from, to) => void (await run('s3', 'cp', '--quiet', url(from), url(to))),
      remove: async (key) => void (await run('s3', 'rm', '--quiet', url(key))),
      async presignedGet(key) {
        const link = (await run('s3', 'presign', url(key), '--expires-in', '60')).toString().trim()
        return curl(link, proxy.url, target)
      },
      close: () => proxy.stop(),
    }
  },
}

/** Any HTTP client may follow a presigned URL; this one is on every machine that has the others. */
function curl(link: string, proxyUrl: string, target: ClientTarget): Promise<Buffer> {
  const run = runner('curl', ['-sS', '--fail', '--cacert', target.caFile, '--proxy', proxyUrl], {})
  return run(link)
}

const s3cmd: ClientKind = {
  name: 's3cmd',
  command: 's3cmd',
  async bind(target, scratch) {
    const proxy = await startNameProxy(target.address)
    const config = join(scratch, 's3cfg')
    await writeFile(config, s3cmdConfig(target, new URL(proxy.url)))
    const run = runner('s3cmd', ['-c', config, '--no-progress'], { HOME: scratch })
    const url = (key: string) => `s3://${target.bucket}/${key}`
    const put = async (key: string, file: string) => void (await run('put', file, url(key)))
    const infoOf = async (key: string) => (await run('info', url(key))).toString()
    return {
      put,
      putInParts: put,
      get: async (key, file) => void (await run('get', '--force', url(key), file)),
      getRange: null,
      head: async (key) => ({ bytes: Number(/File size:\s+(\d+)/.exec(await infoOf(key))?.[1]) }),
      async list(prefix) {
        const lines = (await run('ls', '--recursive', url(prefix))).toString().trim().split('\n')
        return lines.map((line) => line.slice(line.indexOf(url('')) + url('').length))
      },
      copy: async (from, to) => void (await run('cp', url(from), url(to))),
      remove: async (key) => void (await run('del', url(key))),
      // Its signed URLs are of signature version 2, which S3 refuses for new buckets.
      presignedGet: null,
      close: () => proxy.stop(),
    }
  },
}

function s3cmdConfig(target: ClientTarget, proxy: URL): string {
  const settings = {
    access_key: target.credentials.accessKey,
    secret_key: target.credentials.secretKey,
    bucket_location: target.region,
    host_base: target.host,
    // Without %(bucket)s it writes the bucket into the path.
    host_bucket: target.host,
    use_https: target.scheme === 'https' ? 'True' : 'False',
    ca_certs_file: target.caFile,
    proxy_host: proxy.hostname,
    proxy_port: proxy.port,
    multipart_chunk_size_mb: '5',
    max_retries: attempts,
  }
  return `[default]\n${Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')}`
}

const rclone: ClientKind = {
  name: 'rclone',
  command: 'rclone',
  async bind(target, scratch) {
    const proxy = await startNameProxy(target.address)
    const run = runner(
      'rclone',
      ['--ca-cert', target.caFile, '--retries', '1', '--low-level-retries', attempts],
      {
        ...proxyEnv(proxy.url),
        HOME: scratch,
        RCLONE_CONFIG: join(scratch, 'rclone.conf'),
        RCLONE_CONFIG_S3_TYPE: 's3',
        RCLONE_CONFIG_S3_PROVIDER: 'Other',
        RCLONE_CONFIG_S3_ENDPOINT: endpointOf(target),
        RCLONE_CONFIG_S3_REGION: target.region,
        RCLONE_CONFIG_S3_FORCE_PATH_STYLE: 'true',
        RCLONE_CONFIG_S3_NO_CHECK_BUCKET: 'true',
        RCLONE_CONFIG_S3_ACCESS_KEY_ID: target.credentials.accessKey,
        RCLONE_CONFIG_S3_SECRET_ACCESS_KEY: target.credentials.secretKey,
        RCLONE_S3_UPLOAD_CUTOFF: '8M',
        RCLONE_S3_CHUNK_SIZE: '5M',
      },
    )
    const at = (key: string) => `s3:${target.bucket}/${key}`
    const copyTo = async (from: string, to: string) => void (await run('copyto', '--ignore-times', from, to))
    return {
      put: (key, file) => copyTo(file, at(key)),
      putInParts: (key, file) => copyTo(file, at(key)),
      get: (key, file) => copyTo(at(key), file),
      getRange: (key, first, last) =>
        run('cat', '--offset', String(first), '--count', String(last - first + 1), at(key)),
      async head(key) {
        const [object] = JSON.parse((await run('lsjson', at(key))).toString())
        return { bytes: object.Size }
      },
      async list(prefix) {
        const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
        const names = (await run('lsf', '--files-only', at(folder))).toString().trim().split('\n')
        return names.map((name) => folder + name)
      },
      copy: (from, to) => copyTo(at(from), at(to)),
      remove: async (key) => void (await run('deletefile', at(key))),
      async presignedGet(key) {
        const link = (await run('link', '--expire', '60s', at(key))).toString().trim()
        return curl(link, proxy.url, target)
      },
      close: () => proxy.stop(),
    }
  },
}

export const commandLineClients: readonly ClientKind[] = [awsCli, s3cmd, rclone]
