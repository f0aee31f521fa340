// Decides which cache node an object belongs to: rendezvous hashing with bounded load, and a slow start that shifts a
// returning node's share over in steps. Pure.

export interface Node {
  readonly name: string
  /** Requests it is serving now. */
  readonly inFlight: number
  /** Share of its keys it already takes, 0 to 1: below 1 while it starts slowly. */
  readonly warmth: number
}

/** A node may carry this many times the average load before its keys spill over to their second choice. */
const loadFactor = 1.25
/** Below this many requests a node is never too busy: a handful of requests says nothing of balance. */
const alwaysFree = 16

/**
 * Nodes in the order in which they should be tried for `key`. Each key ranks all nodes by hash(node, key), so a lost
 * node's keys spread over all others and no other key moves (Thaler & Ravishankar, rendezvous hashing). A node that
 * carries more than `loadFactor` times the average goes behind (Mirrokni et al., consistent hashing with bounded
 * loads), as do keys that a node in slow start has not taken over yet.
 */
export function preference<N extends Node>(nodes: readonly N[], key: string): readonly N[] {
  if (nodes.length < 2) return nodes
  const keyHash = hash(key)
  const limit = loadLimit(nodes)
  const ranked = nodes.map((node) => ({
    node,
    score: mix(hash(node.name) ^ keyHash),
    behind: isTooBusy(node, limit) || isTooCold(node, keyHash),
  }))
  ranked.sort((a, b) => Number(a.behind) - Number(b.behind) || b.score - a.score)
  return ranked.map(({ node }) => node)
}

/** How much of its keys a server takes that came up `upMs` ago. */
export function warmth(upMs: number, slowStartMs: number): number {
  return slowStartMs > 0 ? Math.min(1, Math.max(0.05, upMs / slowStartMs)) : 1
}

function loadLimit(nodes: readonly Node[]): number {
  const total = nodes.reduce((sum, { inFlight }) => sum + inFlight, 0)
  return Math.max(alwaysFree, Math.ceil((loadFactor * (total + 1)) / nodes.length))
}

function isTooBusy(node: Node, limit: number): boolean {
  return node.inFlight >= limit
}

/** The same keys stay taken as warmth grows, so that what the node has fetched keeps being asked of it. */
function isTooCold(node: Node, keyHash: number): boolean {
  return node.warmth < 1 && mix(keyHash ^ 0x9e3779b9) / 2 ** 32 >= node.warmth
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state >>> 0
}

/** MurmurHash3's finaliser: spreads every input bit over the word. */
function mix(word: number): number {
  let state = word
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
