/** A DNS server on loopback with the records of a test: A, AAAA and NS over UDP (RFC 1035); everything else does not exist. */
import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'

export interface Zone {
  /** Answers to A and AAAA by name. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>
  /** Answers to NS by name. */
  readonly servers?: Readonly<Record<string, readonly string[]>>
  /** True if no question is answered. */
  readonly silent?: boolean
}

export interface NameServer {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** The records from the next question on. */
  zone: Zone
  readonly questions: string[]
  close(): Promise<void>
}

const [A, NS, AAAA] = [1, 2, 28]
const [NO_ERROR, NAME_ERROR] = [0, 3]

export async function nameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const server: NameServer = {
    address: '',
    zone,
    questions: [],
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
  socket.on('message', (question, { port, address }) => {
    const { name, end } = readName(question, 12)
    const type = question.readUInt16BE(end)
    server.questions.push(`${name} ${type}`)
    if (server.zone.silent === true) return
    socket.send(answer(question.subarray(0, end + 4), records(server.zone, name, type)), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return Object.assign(server, { address: `127.0.0.1:${(socket.address() as AddressInfo).port}` })
}

function records(zone: Zone, name: string, type: number): readonly Buffer[] {
  if (type === NS) return (zone.servers?.[name] ?? []).map((one) => record(NS, nameBytes(one)))
  const isWanted = (address: string): boolean =>
    (type === A && !address.includes(':')) || (type === AAAA && address.includes(':'))
  return (zone.addresses?.[name] ?? []).filter(isWanted).map((address) => record(type, addressBytes(address)))
}

function answer(question: Buffer, found: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(12)
  question.copy(header, 0, 0, 2)
  header.writeUInt16BE(0x8580 | (found.length === 0 ? NAME_ERROR : NO_ERROR), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(found.length, 6)
  return Buffer.concat([header, question.subarray(12), ...found])
}

/** Returns a record whose name is that of the question. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length])
  return Buffer.concat([head, data])
}

function nameBytes(name: string): Buffer {
  return Buffer.concat([
    ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.of(0),
  ])
}

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const [first, last] = [groups(head), groups(tail)]
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]))
}

function readName(bytes: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = []
  let at = start
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}
