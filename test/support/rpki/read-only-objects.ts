/** Valid objects of the types that Brine reads and does not issue: a signed checklist, trust anchor keys, a signed prefix list. */
import { type Der, encode, explicit, ia5, integer, octets, raw, seq, seqOf } from '../../../src/core/der/writer.js'
import { type CertPatch, certificate, signedObject } from './objects.js'
import {
  access,
  aia,
  aki,
  CA,
  crldp,
  ip,
  name,
  prefix,
  SHA256,
  sha256,
  sia,
  TA,
  TA_REPO,
  TA_URI,
  v4,
  v6,
} from './parts.js'

const utf8 = (text: string): Der => raw(Buffer.concat([Uint8Array.of(0x0c, text.length), Buffer.from(text)]))

/** Returns a checklist over 10.0.0.0/24 and AS64496 with a named and an unnamed file; `files` replaces the list. */
export function checklist(files?: readonly Der[], ee: CertPatch = () => {}): Uint8Array {
  const list = files ?? [
    seq(ia5('letter.pdf'), octets(sha256(Buffer.from('a')))),
    seq(octets(sha256(Buffer.from('b')))),
  ]
  const resources = seq(explicit(0, seq(explicit(0, seq(integer(64496))))), explicit(1, seq(v4(prefix([10, 0, 0])))))
  const patch: CertPatch = (parts) => {
    delete parts.extensions.sia
    parts.extensions.ip = ip(v4(prefix([10, 0, 0])))
    ee(parts)
  }
  return signedObject('rsc', encode(seq(resources, SHA256, seqOf(list))), certificate('asa-ee', patch))
}

const taKey = (spki: Uint8Array): Der => seq(seq(utf8('ours')), seq(ia5(TA_URI)), raw(spki))

/** Returns trust anchor keys that TA signed: `current`, and `next` as its successor. */
export function trustAnchorKey(next: Uint8Array = CA.spki, current: Uint8Array = TA.spki): Uint8Array {
  const patch: CertPatch = (parts) => {
    parts.issuer = name(TA.name)
    parts.signer = TA
    parts.extensions.aki = aki(TA.ski)
    parts.extensions.crldp = crldp(`${TA_REPO}${TA.name}.crl`)
    parts.extensions.aia = aia(TA_URI)
    parts.extensions.sia = sia(access(11, `${TA_REPO}${TA.name}.tak`))
  }
  const content = encode(seq(taKey(current), explicit(1, taKey(next))))
  return signedObject('tak', content, certificate('mft-ee', patch))
}

/** Returns a prefix list of AS64496; `prefixes` replaces the IPv4 ones. */
export function prefixList(prefixes: readonly Der[] = [prefix([10, 0, 0]), prefix([10, 0, 1])]): Uint8Array {
  const content = encode(seq(integer(64496), seq(v4(...prefixes), v6(prefix([0x20, 1, 0x0d, 0xb8])))))
  return signedObject('spl', content, certificate('asa-ee', undefined, 'AS64496.spl'))
}
