/** The two signed attributes that state when a message was signed: signing-time (RFC 5652 section 11.3) and binary-signing-time (RFC 6019). */
import { type Instant, instantOf } from '../../base/time.js'
import { readInteger, readTime } from '../../der/values.js'
import { OID_BINARY_SIGNING_TIME, OID_SIGNING_TIME } from '../../rpki/x509/oids.js'
import type { Attribute } from './types.js'

/** 9999-12-31T23:59:59Z in seconds since 1970. */
const LAST = 253_402_300_799n

interface Stated {
  readonly isPresent: boolean
  readonly time: Instant | undefined
}

/** Returns the signing time that the attributes state; undefined where none is readable or both differ. */
export function signingTimeOf(attributes: readonly Attribute[] | undefined): Instant | undefined {
  const [text, binary] = stated(attributes)
  if (text.time !== undefined && binary.time !== undefined && text.time !== binary.time) return undefined
  return text.time ?? binary.time
}

/** Returns what is wrong with the attributes: one of the two is required, and both must state the same time. */
export function signingTimeFaults(attributes: readonly Attribute[] | undefined): readonly string[] {
  if (attributes === undefined) return []
  const [text, binary] = stated(attributes)
  if (!text.isPresent && !binary.isPresent)
    return ['there is neither a signing-time nor a binary-signing-time attribute']
  const faults: string[] = []
  if (text.isPresent && text.time === undefined) faults.push('the signing-time attribute is unreadable')
  if (binary.isPresent && binary.time === undefined) faults.push('the binary-signing-time attribute is unreadable')
  if (text.time !== undefined && binary.time !== undefined && text.time !== binary.time)
    faults.push(`the signing-time attribute is ${text.time}, the binary-signing-time attribute ${binary.time}`)
  return faults
}

function stated(attributes: readonly Attribute[] | undefined): readonly [text: Stated, binary: Stated] {
  const text = attributes?.find(({ oid }) => oid === OID_SIGNING_TIME)
  const binary = attributes?.find(({ oid }) => oid === OID_BINARY_SIGNING_TIME)
  const seconds = readInteger(binary?.values[0])
  return [
    { isPresent: text !== undefined, time: readTime(text?.values[0]) },
    {
      isPresent: binary !== undefined,
      time: seconds === undefined || seconds < 0n || seconds > LAST ? undefined : instantOf(Number(seconds)),
    },
  ]
}
