/** The private keys of a data directory, to show that they are nowhere else. */
import { createPrivateKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Returns a part of each private key in the folder `keys`: a prime, as octets and in hexadecimal, which its encodings contain. */
export function secretsOf(dataDir: string): readonly Buffer[] {
  const files = readdirSync(join(dataDir, 'keys'), { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  )
  return files.flatMap(({ parentPath, name }) => primeIn(readFileSync(join(parentPath, name))))
}

function primeIn(bytes: Buffer): readonly Buffer[] {
  try {
    const key = createPrivateKey(bytes[0] === 0x30 ? { key: bytes, format: 'der', type: 'pkcs8' } : bytes)
    const prime = Buffer.from(key.export({ format: 'jwk' }).p ?? '', 'base64url')
    return prime.length === 0 ? [] : [prime, Buffer.from(prime.toString('hex'))]
  } catch {
    return []
  }
}
