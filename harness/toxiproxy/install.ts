// `npm run toxiproxy:install`: builds the pinned real Toxiproxy with Go into .tools/bin, where the harness finds it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import { toolsFolder } from './find.ts'
import { toxiproxyVersion } from './server.ts'

const program = `github.com/Shopify/toxiproxy/v2/cmd/server`

/** What it needs is fetched and built; a network that gives nothing must not keep it for ever. */
const longestMs = 600_000

function go(...args: string[]) {
  const env = { ...process.env, GOBIN: toolsFolder, CGO_ENABLED: '0' }
  return spawnSync('go', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
    timeout: longestMs,
  })
}

/** Exit code: 0, or 254 when Go is missing or can't build it. */
function install(): number {
  if (go('version').status !== 0) {
    console.error(
      'breakwater: Go was not found on PATH; install it from https://go.dev/dl, or use --toxiproxy embedded',
    )
    return 254
  }
  mkdirSync(toolsFolder, { recursive: true })
  const flags = `-X github.com/Shopify/toxiproxy/v2.Version=${toxiproxyVersion}`
  const built = go('install', '-trimpath', '-ldflags', flags, `${program}@v${toxiproxyVersion}`)
  if (built.status !== 0) {
    console.error(
      `breakwater: Go could not build ${program}@v${toxiproxyVersion}; its own words stand above, or it took more than ten minutes`,
    )
    return 254
  }
  const installed = path.join(toolsFolder, 'toxiproxy-server')
  renameSync(path.join(toolsFolder, 'server'), installed)
  console.log(`toxiproxy-server ${toxiproxyVersion} is in ${path.relative(process.cwd(), installed)}`)
  return 0
}

process.exitCode = install()
