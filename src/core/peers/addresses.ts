/**
 * Addresses that a peer may have. Invariant: the decision is made on the addresses that the connection uses, after the one and only look-up
 * of the name, so that a name which changes its address between two look-ups gains nothing (DNS rebinding).
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { BlockList, isIP, isIPv6 } from 'node:net'

/** Resolves a host name to addresses. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>

/** Thrown for a host all of whose addresses are refused. */
export class PrivateAddress extends Error {
  readonly addresses: readonly string[]

  constructor(addresses: readonly string[]) {
    super(`refused address ${addresses.join(', ')}`)
    this.addresses = addresses
  }
}

/** Loopback, link-local, private, shared and other networks that are not of the public Internet (RFC 6890, RFC 1122, RFC 4193, RFC 8215). */
const NOT_PUBLIC: readonly (readonly [network: string, length: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['64:ff9b:1::', 48],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** Networks whose addresses contain an IPv4 address, and the octet at which it begins: mapped, compatible, NAT64 and 6to4 (RFC 4291, 6052, 3056). */
const EMBEDDING: readonly (readonly [network: string, length: number, octet: number])[] = [
  ['::ffff:0:0', 96, 12],
  ['::', 96, 12],
  ['64:ff9b::', 96, 12],
  ['2002::', 16, 2],
]

function blockListOf(networks: readonly (readonly [string, number, ...unknown[]])[]): BlockList {
  const list = new BlockList()
  for (const [network, length] of networks) list.addSubnet(network, length, isIPv6(network) ? 'ipv6' : 'ipv4')
  return list
}

const notPublic = blockListOf(NOT_PUBLIC)
const embedding = EMBEDDING.map((entry) => ({ list: blockListOf([entry]), octet: entry[2] }))

/** Returns true for an address that is not of the public Internet, and for text that is not an address. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, '')
  const version = isIP(bare)
  if (version === 0) return true
  if (version === 4) return notPublic.check(bare, 'ipv4')
  const octets = octetsOf(bare)
  const within = embedding.find(({ list }) => list.check(bare, 'ipv6'))
  if (within !== undefined) return isPrivateAddress(octets.slice(within.octet, within.octet + 4).join('.'))
  return notPublic.check(bare, 'ipv6')
}

/**
 * Returns the host of a URI of any scheme if it is the name `localhost`, a name below that, or an address that is not of the public Internet, in
 * the form that connections use; undefined for every other host.
 */
export function privateHostOf(uri: string): string | undefined {
  // only the schemes of the web have hosts in which the parser knows the other forms of an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1
  const asWeb = uri.replace(/^[a-z][a-z0-9+.-]*:/i, 'http:')
  if (!URL.canParse(asWeb)) return undefined
  const host = new URL(asWeb).hostname.replace(/^\[|\]$/g, '')
  if (/^(?:.+\.)?localhost\.?$/.test(host)) return host
  return isIP(host) !== 0 && isPrivateAddress(host) ? host : undefined
}

/** Returns the 16 octets of an IPv6 address. */
function octetsOf(address: string): readonly number[] {
  // the URL parser writes an address in its shortest form, without dotted decimal
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const gap = tail === undefined ? [] : Array<string>(8 - first.length - last.length).fill('0')
  return [...first, ...gap, ...last].flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}

const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)))
  })

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** Returns the look-up of a socket. Unless `allowPrivate` it drops private addresses, and fails with PrivateAddress where no other one is left. */
export function lookupFor(
  allowPrivate: boolean,
  resolve: Resolve = systemResolve,
): (host: string, options: LookupOptions, done: LookupCallback) => void {
  return (host, options, done) => {
    resolve(host).then(
      (found) => {
        const usable = found.filter(({ address }) => allowPrivate || !isPrivateAddress(address))
        const [first] = usable
        if (first === undefined) done(new PrivateAddress(found.map(({ address }) => address)), [])
        else if (options.all === true) done(null, usable)
        else done(null, first.address, first.family)
      },
      (error: Error) => done(error, []),
    )
  }
}
