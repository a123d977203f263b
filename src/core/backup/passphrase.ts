/**
 * The passphrase stanza of age (`scrypt`, age-encryption.org/v1) on the scrypt of the platform: the library's own, in JavaScript, takes ten
 * times as long. Invariant: what is written opens with every other implementation of age, and the other way round.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import type { Identity, Recipient } from 'age-encryption'
import { concat, utf8 } from '../base/bytes.js'
import type { Secret } from '../base/secret.js'

type Stanza = Parameters<Identity['unwrapFileKey']>[0][number]
type StanzaClass = new (args: string[], body: Uint8Array) => Stanza

/** A quarter of a GiB of memory and about a second, as the age program has it. */
const WORK_FACTOR = 18
/** What a stranger's file may ask for: a GiB. */
const MAX_WORK_FACTOR = 20
const SALT = 16
const TAG = 16

function keyFrom(passphrase: Secret, salt: Uint8Array, workFactor: number): Promise<Buffer> {
  const N = 2 ** workFactor
  const labelled = concat([utf8('age-encryption.org/v1/scrypt'), salt])
  return new Promise((resolve, reject) => {
    // 128 N r bytes, and some more for its own
    scrypt(passphrase.reveal(), labelled, 32, { N, r: 8, p: 1, maxmem: N * 1024 + 2 ** 20 }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    )
  })
}

/** Wraps the file key for whoever has the passphrase. */
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

/** Unwraps it; null where there is no stanza of a passphrase, or another passphrase made it. Throws for one that is malformed. */
export function passphraseIdentity(passphrase: Secret): Identity {
  return {
    async unwrapFileKey(stanzas) {
      const stanza = stanzas.find((s) => s.args[0] === 'scrypt')
      if (stanza === undefined) return null
      const [, salt = '', factor = ''] = stanza.args
      const bytes = Buffer.from(salt, 'base64')
      const sound = stanza.args.length === 3 && bytes.length === SALT && unpadded(bytes) === salt
      if (stanzas.length !== 1 || !sound || !/^[1-9]\d?$/.test(factor) || stanza.body.length !== 16 + TAG)
        throw new Error('malformed scrypt stanza')
      if (Number(factor) > MAX_WORK_FACTOR) throw new Error('the scrypt work factor is too high')
      return opened(stanza.body, await keyFrom(passphrase, bytes, Number(factor)))
    },
  }
}

function opened(body: Uint8Array, key: Uint8Array): Uint8Array | null {
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
