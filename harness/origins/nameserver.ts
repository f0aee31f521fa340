// A name server of the run's own, over UDP and TCP on loopback, whose answers can be changed or withheld at any time.
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import * as dns from 'dns-packet'

/** What is said of a name. Names nobody set get `nxdomain`. */
export type NameAnswer =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'nxdomain' }
  | { readonly kind: 'servfail' }
  /** Nothing at all is answered: the asker must time out. */
  | { readonly kind: 'silence' }

export interface Nameserver {
  /** `127.0.0.1:PORT`, for UDP and TCP. */
  readonly address: string
  answerOf(name: string): NameAnswer
  setAnswer(name: string, answer: NameAnswer): void
  /** Queries for a name since the start, of every type. */
  queriesFor(name: string): number
  /** Those of them that were answered, or left unanswered, like this. */
  answered(name: string, answer: NameAnswer): number
  stop(): Promise<void>
}

/** Seconds an answer may be kept: none, so that every change is seen at the next question. */
const ttlSeconds = 0

const noSuchName: NameAnswer = { kind: 'nxdomain' }
const authoritative = dns.AUTHORITATIVE_ANSWER

/** Starts a name server for names and their IPv4 addresses. */
export async function startNameserver(
  addressesByName: Readonly<Record<string, readonly string[]>>,
): Promise<Nameserver> {
  const answers = new Map<string, NameAnswer>()
  const queries = new Map<string, number>()
  const key = (name: string) => name.toLowerCase().replace(/\.$/, '')
  for (const [name, addresses] of Object.entries(addressesByName)) {
    answers.set(key(name), { kind: 'addresses', addresses })
  }
  const answerOf = (name: string) => answers.get(key(name)) ?? noSuchName
  const count = (what: string) => queries.set(what, (queries.get(what) ?? 0) + 1)
  const reply = (query: dns.Packet) => {
    const name = query.questions?.[0]?.name ?? ''
    const answer = answerOf(name)
    count(key(name))
    count(`${key(name)} ${JSON.stringify(answer)}`)
    return answerTo(query, answer)
  }
  const clients = new Set<Socket>()
  const { udp, tcp } = await listen(reply, clients)
  return {
    address: `127.0.0.1:${(tcp.address() as AddressInfo).port}`,
    answerOf,
    setAnswer: (name, answer) => void answers.set(key(name), answer),
    queriesFor: (name) => queries.get(key(name)) ?? 0,
    answered: (name, answer) => queries.get(`${key(name)} ${JSON.stringify(answer)}`) ?? 0,
    stop: () => close(udp, tcp, clients),
  }
}

type Reply = (query: dns.Packet) => dns.Packet | null

/** The answer packet, or null for silence. */
function answerTo(query: dns.Packet, answer: NameAnswer): dns.Packet | null {
  if (answer.kind === 'silence') return null
  const head = { type: 'response' as const, id: query.id, questions: query.questions }
  if (answer.kind === 'nxdomain') return { ...head, flags: authoritative | rcode.nxdomain }
  if (answer.kind === 'servfail') return { ...head, flags: rcode.servfail }
  const question = query.questions?.[0]
  const wantsAddress = question?.type === 'A' || (question?.type as string) === 'ANY'
  return {
    ...head,
    flags: authoritative,
    answers: wantsAddress
      ? answer.addresses.map((data) => ({ type: 'A', name: question!.name, ttl: ttlSeconds, data }))
      : [],
  }
}

/** RFC 1035 §4.1.1: the low four bits of the flags. */
const rcode = { servfail: 2, nxdomain: 3 } as const

/** Both protocols on one port; the port that TCP is given may be taken for UDP, so it may need another try. */
async function listen(reply: Reply, clients: Set<Socket>): Promise<{ udp: UdpSocket; tcp: Server }> {
  for (let attempt = 1; ; attempt++) {
    const tcp = createServer((socket) => {
      clients.add(socket)
      socket.once('close', () => clients.delete(socket))
      serveTcp(socket, reply)
    }).listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const udp = createSocket('udp4')
    udp.on('message', (message, from) => {
      const packet = parse(message, (bytes) => dns.decode(bytes))
      const answer = packet && reply(packet)
      if (answer) udp.send(dns.encode(answer), from.port, from.address)
    })
    try {
      udp.bind((tcp.address() as AddressInfo).port, '127.0.0.1')
      await once(udp, 'listening')
      return { udp, tcp }
    } catch (error) {
      udp.close()
      tcp.close()
      if (attempt === 10) throw error
    }
  }
}

/** RFC 1035 §4.2.2: each message after its length in two bytes. */
function serveTcp(socket: Socket, reply: Reply): void {
  let pending = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const packet = parse(pending, (bytes) => dns.streamDecode(bytes))
      pending = pending.subarray(2 + pending.readUInt16BE(0))
      const answer = packet && reply(packet)
      if (answer) socket.write(dns.streamEncode(answer))
    }
  })
}

/** Whatever isn't a DNS message is ignored. */
function parse(bytes: Buffer, decode: (bytes: Buffer) => dns.Packet | null): dns.Packet | null {
  try {
    return decode(bytes)
  } catch {
    return null
  }
}

/** A client may keep its connection for ever; it is not waited for. */
async function close(udp: UdpSocket, tcp: Server, clients: ReadonlySet<Socket>): Promise<void> {
  udp.close()
  tcp.close()
  for (const client of clients) client.destroy()
  await once(tcp, 'close')
}
