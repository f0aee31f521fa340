// The systems that the cache and chain benches compare: the original deployment's description as it stands, and ours
// with the same trust in the network, so that both do the same work for a hit.
import { loadSystem, type PartDescription } from '../systems/system.ts'

export function originalPart(role: 'cache' | 'router'): PartDescription {
  return loadSystem('nginx-haproxy').parts.find((part) => part.role === role)!
}

export const signer = { accessKey: 'AKIABENCH', secretKey: 'bench-secret' }

interface OurCache {
  readonly name: string
  /** Size of the memory tier; 0 turns it off. */
  readonly memory: string
  readonly mode: 'network' | 'verify'
}

export function ourCache({ name, memory, mode }: OurCache): PartDescription {
  return ours(name, 'cache', {
    listen: '{listen}',
    nameservers: ['{nameserver}'],
    origin: { url: 'https://{origin_name}:{origin_port}', ca: '{origin_ca}' },
    store: { path: '{dir}/store', max_size: '{max_size}' },
    memory: { max_size: memory },
    freshness: { valid: [{ time: '{valid}' }] },
    authorisation: authorisation(mode),
  })
}

function authorisation(mode: 'network' | 'verify') {
  const keys = [{ access_key: signer.accessKey, secret_key: signer.secretKey }]
  return mode === 'verify' ? { mode, keys } : { mode }
}

/** In front of the cache at `{cache}`, with S3 as backup. */
export function ourRouter(name: string, hasMemory: boolean): PartDescription {
  return ours(name, 'router', {
    listen: '{listen}',
    nameservers: ['{nameserver}'],
    servers: [
      { name: 'cache', url: 'http://{cache}' },
      { name: 's3', url: 'https://{origin_name}:{origin_port}', ca: '{origin_ca}', backup: true },
    ],
    memory: hasMemory ? { valid: '{valid}', authorisation: { mode: 'network' } } : null,
  })
}

/** The configuration is JSON, which is YAML. */
function ours(name: string, role: 'cache' | 'router', configuration: object): PartDescription {
  return {
    name,
    role,
    command: ['{node}', '{root}/proxy/main.ts', role, '--config', 'config.yaml'],
    files: { 'config.yaml': JSON.stringify(configuration, null, 2) },
    ready: { output: 'listening on {listen}' },
  }
}
