/**
 * One-time passwords, for clients that enrol over HTTP without a certificate.
 * Invariant: the secret is shown once and not stored; only its hash is stored.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { sha256 } from '../../crypto/digest.js'
import { isExpired, mayAsk, usesLeft } from '../../est/passwords.js'
import type { EstState, OneTimePassword, Requester } from '../../est/state.js'
import type { Session } from '../session/session.js'
import { readEst, transactEst } from './commit.js'
import { labelOf } from './labels.js'

export interface PasswordOptions {
  readonly label: string
  /** Number of certificates that can be issued with it. */
  readonly uses: number
  /** Seconds from now. */
  readonly validSeconds: number
  /** Free text: who the password is for. */
  readonly note: string
}

export interface NewPassword {
  readonly id: string
  readonly label: string
  readonly uses: number
  readonly expires: Instant
  /** Shown this once; null in a dry run. */
  readonly secret: string | null
}

export interface PasswordRow {
  readonly id: string
  readonly label: string
  readonly state: 'usable' | 'spent' | 'expired'
  readonly uses: number
  /** Certificates issued with it. */
  readonly used: number
  /** Remaining uses, without those of open requests. */
  readonly left: number
  readonly since: Instant
  readonly expires: Instant
  readonly note: string
}

/**
 * Creates a password. The secret is only in the report. Throws `est-label-unknown`, `est-label-no-password` (usage), `est-note-long`
 * (rejected).
 */
export async function createPassword(
  session: Session,
  { label, uses, validSeconds, note }: PasswordOptions,
): Promise<NewPassword> {
  if (!labelOf(session, label).config.auth.includes('password'))
    throw new AppError('usage', 'est-label-no-password', `the label ${label} does not accept passwords`, {
      hint: `set auth = ["password"] in its [[est.label]] of brine.toml`,
    })
  // 160 random bits
  const secret = readable(randomBytes(32))
  const id = readable(randomBytes(10)).slice(0, 10)
  return transactEst(session, async (tx) => {
    await tx.run({ type: 'password.create', id, label, hash: hashOf(secret), uses, validSeconds, note })
    const made = entry(tx.state().passwords, id)
    if (made === undefined) throw new TypeError('no password was created')
    return { id, label, uses, expires: made.expires, secret: session.options.dryRun === true ? null : secret }
  })
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'

/** Encodes five bits of each octet as one character. */
function readable(bytes: Uint8Array): string {
  return [...bytes].map((octet) => LETTERS[octet & 31]).join('')
}

function hashOf(secret: string) {
  return Buffer.from(sha256(Buffer.from(secret, 'utf8'))).toString('hex') as OneTimePassword['hash']
}

/** Lists the passwords of a label, or all; newest first. */
export function listPasswords(session: Session, label?: string): Promise<readonly PasswordRow[]> {
  return readEst(session, ({ state, at }) =>
    Object.entries(state().passwords)
      .filter(([, one]) => label === undefined || one.label === label)
      .map(([id, one]) => rowOf(state(), id, one, at))
      .sort((a, b) => (a.since > b.since ? -1 : a.since < b.since ? 1 : a.id < b.id ? -1 : 1)),
  )
}

function rowOf(state: EstState, id: string, password: OneTimePassword, at: Instant): PasswordRow {
  const { label, uses, used, since, expires, note } = password
  const left = usesLeft(state, id, at)
  const kind = isExpired(password, at) ? 'expired' : used >= uses ? 'spent' : 'usable'
  return { id, label, state: kind, uses, used, left, since, expires, note }
}

export interface RevokedPassword {
  readonly id: string
  readonly dryRun: boolean
}

/** Revokes a password. Throws `est-password-unknown` (rejected). */
export async function revokePassword(session: Session, id: string): Promise<RevokedPassword> {
  await transactEst(session, (tx) => tx.run({ type: 'password.revoke', id }))
  return { id, dryRun: session.options.dryRun === true }
}

/**
 * Checks a password and returns the requester. Throws `est-password-wrong` (credentials) with the same message for one that is unknown,
 * wrong, expired, spent or of another label, so that guessing reveals nothing.
 */
export async function checkPassword(session: Session, label: string, id: string, secret: string): Promise<Requester> {
  const isValid = await readEst(session, (view) => {
    const state = view.state()
    const password = entry(state.passwords, id)
    const hash = Buffer.from(password?.hash ?? hashOf(''), 'hex')
    const isSame = timingSafeEqual(hash, Buffer.from(hashOf(secret), 'hex'))
    return isSame && password?.label === label && mayAsk(state, id, view.at)
  })
  if (isValid) return { how: 'password', name: id }
  throw new AppError('credentials', 'est-password-wrong', 'one-time password is not valid for this label', {
    hint: 'brine est otp list',
  })
}
