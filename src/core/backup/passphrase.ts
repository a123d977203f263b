/**
 * The passphrase stanza of age (`scrypt`, age-encryption.org/v1), with the scrypt of Node: the one of the age library, in JavaScript, takes ten
 * times as long. Invariant: interoperable with every other implementation of age in both directions.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import type { Identity, Recipient } from 'age-encryption'
import { concat, utf8 } from '../base/bytes.js'
import type { Secret } from '../base/secret.js'

type Stanza = Parameters<Identity['unwrapFileKey']>[0][number]
type StanzaClass = new (args: string[], body: Uint8Array) => Stanza

/** Work factor for writing: 256 MiB of memory and about a second, the default of the age program. */
const WORK_FACTOR = 18
/** Largest work factor accepted when reading an untrusted file: 1 GiB of memory. */
const MAX_WORK_FACTOR = 20
const SALT = 16
const TAG = 16

function keyFrom(passphrase: Secret, salt: Uint8Array, workFactor: number): Promise<Buffer> {
  const N = 2 ** workFactor
  const labelled = concat([utf8('age-encryption.org/v1/scrypt'), salt])
  return new Promise((resolve, reject) => {
    // scrypt needs 128 * N * r bytes, and a little for itself
    scrypt(passphrase.reveal(), labelled, 32, { N, r: 8, p: 1, maxmem: N * 1024 + 2 ** 20 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** Returns a recipient that wraps the file key with a passphrase. */
export function passphraseRecipient(passphrase: Secret, Stanza: StanzaClass): Recipient {
  return {
    async wrapFileKey(fileKey) {
      const salt = randomBytes(SALT)
      const key = await keyFrom(passphrase, salt, WORK_FACTOR)
      const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: TAG })
      const body = concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()])
      return [new Stanza(['scrypt', unpadded(salt), String(WORK_FACTOR)], body)]
    },
  }
}

/**
 * Returns an identity that unwraps the file key; null if there is no scrypt stanza or the passphrase is wrong. Throws for a malformed stanza
 * and for a work factor that is too high.
 */
export function passphraseIdentity(passphrase: Secret): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const stanza = stanzas.find((s) => s.args[0] === 'scrypt')
      if (stanza === undefined) return null
      const [, salt = '', factor = ''] = stanza.args
      const bytes = Buffer.from(salt, 'base64')
      const isSaltValid = stanza.args.length === 3 && bytes.length === SALT && unpadded(bytes) === salt
      if (stanzas.length !== 1 || !isSaltValid || !/^[1-9]\d?$/.test(factor) || stanza.body.length !== 16 + TAG)
        throw new Error('malformed scrypt stanza')
      if (Number(factor) > MAX_WORK_FACTOR) throw new Error('the scrypt work factor is too high')
      return decryptFileKey(stanza.body, await keyFrom(passphrase, bytes, Number(factor)))
    },
  }
}

function decryptFileKey(body: Uint8Array, key: Uint8Array): Uint8Array | null {
  const decipher = createDecipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: TAG })
  decipher.setAuthTag(body.subarray(-TAG))
  try {
    return new Uint8Array(concat([decipher.update(body.subarray(0, -TAG)), decipher.final()]))
  } catch {
    return null
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
