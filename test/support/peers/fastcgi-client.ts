/** The side of a web server of FastCGI 1.0: one request for each connection. */
import { createConnection } from 'node:net'

export interface FastCgiAnswer {
  readonly output: string
  readonly errors: string
  /** Of the record that ends the request; undefined if the connection ended before. */
  readonly status: number | undefined
}

export function record(type: number, content: Uint8Array, id = 1, padding = 0): Buffer {
  const header = [1, type, id >> 8, id & 0xff, content.length >> 8, content.length & 0xff, padding, 0]
  return Buffer.concat([Buffer.from(header), content, Buffer.alloc(padding)])
}

function size(length: number): Buffer {
  if (length < 128) return Buffer.from([length])
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length + 0x80000000, 0)
  return bytes
}

export function pairs(env: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(env).flatMap(([name, value]) => {
      const [n, v] = [Buffer.from(name), Buffer.from(value)]
      return [size(n.length), size(v.length), n, v]
    }),
  )
}

/** The records of a request; `flags` 1 keeps the connection open. */
export function requestRecords(env: Readonly<Record<string, string>>, body: Uint8Array, flags = 0): Buffer {
  const content = pairs(env)
  const parts: Buffer[] = [record(1, Buffer.from([0, 1, flags, 0, 0, 0, 0, 0]))]
  for (let at = 0; at < content.length; at += 8000) parts.push(record(4, content.subarray(at, at + 8000), 1, 3))
  parts.push(record(4, Buffer.alloc(0)))
  for (let at = 0; at < body.length; at += 16_000) parts.push(record(5, body.subarray(at, at + 16_000)))
  parts.push(record(5, Buffer.alloc(0)))
  return Buffer.concat(parts)
}

/** Reads the records of a response. */
export function readAnswer(bytes: Buffer): FastCgiAnswer {
  let [output, errors, at]: [string, string, number] = ['', '', 0]
  let status: number | undefined
  while (at + 8 <= bytes.length) {
    const [type, length, padding] = [bytes.readUInt8(at + 1), bytes.readUInt16BE(at + 4), bytes.readUInt8(at + 6)]
    const content = bytes.subarray(at + 8, at + 8 + length)
    if (type === 6) output += content.toString('latin1')
    else if (type === 7) errors += content.toString('utf8')
    else if (type === 3) status = content.readUInt8(4)
    at += 8 + length + padding
  }
  return { output, errors, status }
}

/** Sends these octets and returns the answer once the other side has closed the connection. */
export function exchange(socket: string, bytes: Uint8Array): Promise<FastCgiAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const connection = createConnection(socket)
    connection.on('data', (chunk: Buffer) => chunks.push(chunk))
    connection.on('error', reject)
    connection.on('close', () => resolve(readAnswer(Buffer.concat(chunks))))
    connection.write(bytes)
  })
}
