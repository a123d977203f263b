/** The chain from the EE certificate of a message to the ID key of the peer: as a rule one link, and a few more where the peer sends CA certificates. */
import type { KeyId } from '../../crypto/ports.js'
import { isSignedBy, keyFault } from './certificate.js'
import type { BpkiCertificate } from './types.js'

/** CA certificates that a message may contain beside its EE certificate. */
export const MOST_CAS = 5

/** The key against which a message is verified. */
export interface TrustedKey {
  readonly ski: KeyId
  readonly spki: Uint8Array
  /** CA certificates that it allows below; undefined without a limit. */
  readonly pathLength?: bigint | undefined
}

/** The EE certificate, and the CA certificates from its issuer upwards; none where the ID key itself issued it. */
export interface Chain {
  readonly ee: BpkiCertificate
  readonly cas: readonly BpkiCertificate[]
  /** The key that issued the EE certificate, and the CRL with it. */
  readonly issuer: TrustedKey
}

/** Returns the shortest chain of verified signatures to the ID key; undefined without one. */
export function findChain(ee: BpkiCertificate, cas: readonly BpkiCertificate[], id: TrustedKey): Chain | undefined {
  const path = climb(ee, [], cas.slice(0, MOST_CAS), id)
  if (path === undefined) return undefined
  const key = path[0]?.key
  return { ee, cas: path, issuer: key === undefined ? id : { ski: key.ski, spki: key.spki } }
}

function climb(
  last: BpkiCertificate,
  path: readonly BpkiCertificate[],
  cas: readonly BpkiCertificate[],
  id: TrustedKey,
): readonly BpkiCertificate[] | undefined {
  if (isSignedBy(last, id.spki)) return path
  for (const ca of cas) {
    if (ca.key === undefined || path.includes(ca) || !isSignedBy(last, ca.key.spki)) continue
    const found = climb(ca, [...path, ca], cas, id)
    if (found !== undefined) return found
  }
  return undefined
}

/** Returns what is wrong with the links of a chain, times apart. */
export function chainFaults({ ee, cas }: Chain, id: TrustedKey): readonly string[] {
  const faults: string[] = []
  for (const [i, one] of [ee, ...cas].entries()) {
    const what = i === 0 ? 'the EE certificate' : 'a CA certificate of the message'
    const issuer = cas[i]?.key?.ski ?? id.ski
    const { aki } = one.extensions
    if (aki !== undefined && aki !== issuer)
      faults.push(`the authority key identifier ${aki} of ${what} is not the key that signed it, ${issuer}`)
  }
  for (const [below, ca] of cas.entries()) {
    const { version, key, extensions } = ca
    const fault = version === 2n ? keyFault(key) : 'it is not of version 3'
    if (fault !== undefined) faults.push(`a CA certificate of the message: ${fault}`)
    if (extensions.pathLength !== undefined && below > extensions.pathLength)
      faults.push(
        `a CA certificate of the message allows ${extensions.pathLength} CAs below itself, there are ${below}`,
      )
    if (extensions.keyUsage !== undefined && (extensions.keyUsage & 0x04) === 0)
      faults.push('a CA certificate of the message may not sign certificates (keyCertSign)')
  }
  if (id.pathLength !== undefined && cas.length > id.pathLength)
    faults.push(`the ID certificate allows ${id.pathLength} CAs below itself, the message has ${cas.length}`)
  return faults
}
