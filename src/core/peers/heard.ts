/**
 * Last message of each child elsewhere: `status/heard/`, one file for each, with the answers to the messages of that second. Invariant: no
 * part of history and never trusted. Where a file is missing or damaged, the same message is carried out again: a list and a request for a
 * certificate get the same, a revocation the status 1302, and a message before the last change of that child is still a replay.
 */
import { createHash } from 'node:crypto'
import { fromBase64, toBase64 } from '../base/bytes.js'
import { AppError } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { isObject } from '../base/shape.js'
import { type Instant, later, parseInstant, secondsBetween } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import { layoutOf } from '../store/disk/paths.js'
import { type StatusFiles, statusFiles } from '../store/disk/status-files.js'

/** A child of one of our CAs. */
export interface HeardName {
  readonly ca: string
  readonly child: string
}

/** Last message of a child. */
export interface Heard {
  /** Latest signing time of a verified message. */
  readonly signedAt: Instant
  /** When a verified message came last. */
  readonly at: Instant
  /** Answers to the messages with that signing time, by the SHA-256 of the message. */
  readonly answers: Readonly<Record<string, Uint8Array>>
}

const FOLDER = 'heard'
/** Before every message. */
const EARLIEST = '1970-01-01T00:00:00Z' as Instant
/** Answers of one second that are kept, and their length together. */
const MAX_ANSWERS = 8
const MAX_OCTETS = 2 * 1024 * 1024
/** An answer is sent again while its own EE certificate and CRL are good for some time. */
const ANSWER_SECONDS = 120

/** Returns what was heard last of a child; undefined if nothing is known. */
export function readHeard(dataDir: string, name: HeardName): Heard | undefined {
  const value = readQuietly(statusFiles(layoutOf(dataDir)), nameOf(name))
  if (!isObject(value) || value['ca'] !== name.ca || value['child'] !== name.child) return undefined
  const [signedAt, at] = [value['signedAt'], value['at']].map((text) =>
    typeof text === 'string' ? parseInstant(text) : undefined,
  )
  if (signedAt === undefined || at === undefined) return undefined
  const stored = isObject(value['answers']) ? value['answers'] : {}
  const answers = Object.entries(stored).flatMap(([hash, text]) => {
    const bytes = typeof text === 'string' ? fromBase64(text) : undefined
    return bytes === undefined ? [] : [[hash, bytes] as const]
  })
  return { signedAt, at, answers: Object.fromEntries(answers) }
}

/** Returns the answer that was given to the same octets lately; undefined if there was none. */
export function answerGiven(heard: Heard | undefined, message: Uint8Array, now: Instant): Uint8Array | undefined {
  if (heard === undefined || heard.at > now || secondsBetween(heard.at, now) > ANSWER_SECONDS) return undefined
  const hash = sha256Hex(message)
  return Object.hasOwn(heard.answers, hash) ? heard.answers[hash] : undefined
}

export interface HeardMessage {
  readonly signedAt: Instant
  readonly at: Instant
  readonly message: Uint8Array
  /** Undefined for an answer that must not be given twice. */
  readonly answer: Uint8Array | undefined
}

/** Records a verified message and its answer. A file that cannot be written is reported to `warn`: the message is answered still. */
export function recordHeard(
  dataDir: string,
  name: HeardName,
  { signedAt, at, message, answer }: HeardMessage,
  warn?: (text: string) => void,
): void {
  const before = readHeard(dataDir, name)
  const hash = sha256Hex(message)
  // an answer that is given again takes the place of one that was damaged
  const kept = before?.signedAt === signedAt ? Object.entries(before.answers).filter(([of]) => of !== hash) : []
  const fresh = answer === undefined ? [] : [[hash, answer] as const]
  const newest = before === undefined ? signedAt : later(before.signedAt, signedAt)
  const answers = newest === signedAt ? bounded([...fresh, ...kept]) : []
  const value = { ...name, signedAt: newest, at, answers: Object.fromEntries(answers) }
  try {
    statusFiles(layoutOf(dataDir)).write(nameOf(name), value satisfies Json)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot write what was heard of ${name.child}: ${error.message}`)
  }
}

/** Returns when the last message of a child came; null if that is not known. */
export function lastHeardAt(dataDir: string, name: HeardName): Instant | null {
  const heard = readHeard(dataDir, name)
  return heard === undefined || heard.signedAt === EARLIEST ? null : heard.at
}

/** Begins the silence of a child of which nothing is known at `at`. Throws `io`. */
export function recordSilence(dataDir: string, name: HeardName, at: Instant): void {
  const value = { ...name, signedAt: EARLIEST, at, answers: {} }
  statusFiles(layoutOf(dataDir)).write(nameOf(name), value satisfies Json)
}

/** Forgets a child that was removed. A file that stays is reported to `warn`: the child is removed already. */
export function removeHeard(dataDir: string, name: HeardName, warn?: (text: string) => void): void {
  try {
    statusFiles(layoutOf(dataDir)).remove(nameOf(name))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot remove what was heard of ${name.child}: ${error.message}`)
  }
}

function bounded(answers: readonly (readonly [string, Uint8Array])[]): readonly (readonly [string, string])[] {
  let octets = 0
  return answers.slice(0, MAX_ANSWERS).flatMap(([hash, bytes]) => {
    octets += bytes.length
    return octets > MAX_OCTETS ? [] : [[hash, toBase64(bytes)] as const]
  })
}

/** Handles may be longer together than a file name. */
function nameOf({ ca, child }: HeardName): string {
  return `${FOLDER}/child-${createHash('sha256').update(`${ca}\0${child}`).digest('hex').slice(0, 40)}`
}

function readQuietly(status: StatusFiles, name: string): Json | undefined {
  try {
    return status.read(name)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}
