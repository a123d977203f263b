/**
 * FastCGI 1.0 as values: a reader of the records that a web server sends on one connection, and the records of a response. Only the role of
 * a responder, one request after the other. Invariant: what one connection makes this process keep is bounded.
 */

export interface FastCgiRequest {
  readonly id: number
  /** The web server closes the connection, not the response. */
  readonly keepsConnection: boolean
  readonly env: Readonly<Record<string, string>>
  /** Octets beyond the largest body are dropped. */
  readonly body: Uint8Array
}

/** Returns the largest body of a request in octets, given its variables. */
export type LargestBody = (env: Readonly<Record<string, string>>) => number

export type FastCgiEvent =
  | { readonly type: 'request'; readonly request: FastCgiRequest }
  /** Records to send at once. */
  | { readonly type: 'reply'; readonly bytes: Uint8Array }
  /** The connection cannot be read any further. */
  | { readonly type: 'fault'; readonly message: string }

const TYPE = {
  begin: 1,
  abort: 2,
  end: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  getValues: 9,
  values: 10,
  unknown: 11,
}
const STATUS = { complete: 0, cannotMultiplex: 1, unknownRole: 3 }
const RESPONDER = 1
const KEEP_CONNECTION = 1
/** Largest sum of the variables of a request in octets: a certificate, and headers as large as web servers accept. */
const LARGEST_PARAMS = 512 * 1024
const LARGEST_RECORD = 65_535

interface Open {
  readonly id: number
  readonly keepsConnection: boolean
  readonly params: Uint8Array[]
  readonly body: Uint8Array[]
  paramsLength: number
  bodyLength: number
  /** The variables, once they are complete, and the largest body that they allow. */
  head?: { readonly env: Readonly<Record<string, string>>; readonly largest: number }
}

/** Returns a function that takes what arrives on one connection and returns what follows from it. Never throws. */
export function fastCgiReader(largestBody: LargestBody): (chunk: Uint8Array) => readonly FastCgiEvent[] {
  let rest: Uint8Array = new Uint8Array()
  let open: Open | undefined
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const events: FastCgiEvent[] = []
    for (;;) {
      const [version = 1, type = 0] = rest
      if (version !== 1) return [...events, fault(`version ${version} of FastCGI`)]
      if (rest.length < 8) return events
      const view = Buffer.from(rest.buffer, rest.byteOffset, rest.length)
      const [id, length] = [view.readUInt16BE(2), view.readUInt16BE(4)]
      const end = 8 + length + view.readUInt8(6)
      if (rest.length < end) return events
      const content = rest.slice(8, 8 + length)
      rest = rest.slice(end)
      const [next, event] = step(open, { type, id, content }, largestBody)
      open = next
      if (event !== undefined) events.push(event)
      if (event?.type === 'fault') return events
    }
  }
}

interface FastCgiRecord {
  readonly type: number
  readonly id: number
  readonly content: Uint8Array
}

function step(
  open: Open | undefined,
  { type, id, content }: FastCgiRecord,
  largestBody: LargestBody,
): readonly [Open | undefined, FastCgiEvent?] {
  if (id === 0) {
    const bytes = type === TYPE.getValues ? record(TYPE.values, 0, new Uint8Array()) : unknownType(type)
    return [open, { type: 'reply', bytes }]
  }
  if (type === TYPE.begin) {
    if (open !== undefined) return [open, { type: 'reply', bytes: endRequest(id, STATUS.cannotMultiplex) }]
    const [, role, flags = 0] = content
    if (role !== RESPONDER) return [undefined, { type: 'reply', bytes: endRequest(id, STATUS.unknownRole) }]
    const keepsConnection = (flags & KEEP_CONNECTION) !== 0
    return [{ id, keepsConnection, params: [], body: [], paramsLength: 0, bodyLength: 0 }]
  }
  // records of a request that was refused or has ended
  if (open?.id !== id) return [open]
  if (type === TYPE.abort) return [undefined, { type: 'reply', bytes: endRequest(id, STATUS.complete) }]
  if (type === TYPE.params) return takeParams(open, content, largestBody)
  if (type !== TYPE.stdin || open.head === undefined) return [open]
  const { env, largest } = open.head
  if (content.length === 0) return [undefined, requestEvent(open, env)]
  if (open.bodyLength <= largest) open.body.push(content)
  open.bodyLength += content.length
  return [open]
}

function takeParams(
  open: Open,
  content: Uint8Array,
  largestBody: LargestBody,
): readonly [Open | undefined, FastCgiEvent?] {
  if (content.length === 0) {
    const env = readPairs(Buffer.concat(open.params))
    if (env === undefined) return [undefined, fault('malformed variables')]
    open.head = { env, largest: largestBody(env) }
    return [open]
  }
  open.paramsLength += content.length
  if (open.paramsLength > LARGEST_PARAMS) return [undefined, fault(`more than ${LARGEST_PARAMS} octets of variables`)]
  open.params.push(content)
  return [open]
}

function requestEvent({ id, keepsConnection, body }: Open, env: FastCgiRequest['env']): FastCgiEvent {
  return { type: 'request', request: { id, keepsConnection, env, body: Buffer.concat(body) } }
}

/** Reads name-value pairs (section 3.4); undefined if they are malformed. */
function readPairs(bytes: Buffer): Readonly<Record<string, string>> | undefined {
  const pairs: [string, string][] = []
  let at = 0
  const size = (): number => {
    const first = bytes[at] ?? 0
    const isLong = first >= 0x80
    if (isLong && at + 4 > bytes.length) return Number.NaN
    const length = isLong ? bytes.readUInt32BE(at) & 0x7fffffff : first
    at += isLong ? 4 : 1
    return length
  }
  while (at < bytes.length) {
    const [name, value] = [size(), size()]
    if (!(at + name + value <= bytes.length)) return undefined
    pairs.push([bytes.toString('utf8', at, at + name), bytes.toString('utf8', at + name, at + name + value)])
    at += name + value
  }
  return Object.fromEntries(pairs)
}

/** Encodes a response: what the program writes to standard output and to standard error. */
export function fastCgiResponse(id: number, output: Uint8Array, errors: Uint8Array): Uint8Array {
  return Buffer.concat([
    ...stream(TYPE.stderr, id, errors),
    ...stream(TYPE.stdout, id, output),
    record(TYPE.stdout, id, new Uint8Array()),
    endRequest(id, STATUS.complete),
  ])
}

function stream(type: number, id: number, bytes: Uint8Array): readonly Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += LARGEST_RECORD)
    records.push(record(type, id, bytes.subarray(at, at + LARGEST_RECORD)))
  return records
}

function endRequest(id: number, status: number): Uint8Array {
  return record(TYPE.end, id, Uint8Array.of(0, 0, 0, 0, status, 0, 0, 0))
}

function unknownType(type: number): Uint8Array {
  return record(TYPE.unknown, 0, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0))
}

function record(type: number, id: number, content: Uint8Array): Uint8Array {
  const header = Uint8Array.of(1, type, id >> 8, id & 0xff, content.length >> 8, content.length & 0xff, 0, 0)
  return Buffer.concat([header, content])
}

function fault(message: string): FastCgiEvent {
  return { type: 'fault', message }
}
