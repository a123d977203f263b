/** The manifest profile (RFC 9286 section 4.2), with the limits that rpki-client adds. */
import { toHex } from '../../base/bytes.js'
import { quoted } from '../../base/text.js'
import type { ObjectFinding } from '../../der/faults.js'
import { createFindings, type FindingList } from '../../der/faults.js'
import type { ManifestContent } from '../types.js'
import { checkNumber, checkOrder } from '../x509/numbers.js'

const MAX_FILES = 100_000
const NAME = /^[A-Za-z0-9_-]+\.[a-z]{3}$/

export interface ManifestPlace {
  /** The manifest's own file name, which its list must not hold. */
  readonly ownName?: string
  /** File name of the CRL that its EE certificate points at, which the list must hold. */
  readonly crlName?: string
}

/** Every fault of what a manifest says; with `place`, also where it stands. */
export function checkManifestContent(content: ManifestContent, place: ManifestPlace = {}): readonly ObjectFinding[] {
  const faults = createFindings()
  const rule = 'RFC 9286 section 4.2.1'
  faults.addAll(checkNumber('manifest number', content.number, rule))
  faults.addAll(checkOrder('thisUpdate', content.thisUpdate, 'nextUpdate', content.nextUpdate, rule))
  if (content.files.length === 0) faults.add(rule, 'the file list is empty: a CRL must be on it')
  if (content.files.length > MAX_FILES)
    faults.add(rule, `the file list has ${content.files.length} files, validators read ${MAX_FILES}`)
  const names = checkFiles(content, faults)
  checkPlace(names, content.files.length, place, faults)
  return faults.all()
}

function checkFiles(content: ManifestContent, faults: FindingList): ReadonlySet<string> {
  const names = new Set<string>()
  const hashes = new Map<string, string>()
  for (const { name, sha256 } of content.files) {
    if (!NAME.test(name)) faults.add('RFC 9286 section 4.2.2', `${quoted(name)} is no file name for a manifest`)
    if (names.has(name)) faults.add('RFC 9286 section 4.2.1', `${quoted(name)} is listed twice`)
    names.add(name)
    if (sha256.length !== 32)
      faults.add('RFC 9286 section 4.2.1', `the hash of ${quoted(name)} has ${sha256.length} octets, not 32`)
    const hex = toHex(sha256)
    const twin = hashes.get(hex)
    if (twin !== undefined && twin !== name)
      faults.add(
        'RFC 9286 section 4.2.1',
        `${quoted(name)} and ${quoted(twin)} have the same hash, which rpki-client rejects`,
      )
    hashes.set(hex, name)
  }
  return names
}

function checkPlace(names: ReadonlySet<string>, count: number, place: ManifestPlace, faults: FindingList): void {
  const crls = [...names].filter((name) => name.endsWith('.crl'))
  if (place.ownName !== undefined && names.has(place.ownName))
    faults.add('RFC 9286 section 4.2.1', `the manifest lists itself, ${quoted(place.ownName)}`)
  if (count === 0) return
  if (place.crlName !== undefined && !names.has(place.crlName))
    faults.add('RFC 9286 section 4.2.1', `the CRL ${quoted(place.crlName)} is not on the file list`)
  else if (crls.length === 0) faults.add('RFC 9286 section 4.2.1', 'no CRL is on the file list')
  else if (crls.length > 1) faults.tolerate('RFC 9286 section 4.2.1', `${crls.length} CRLs are on the file list`)
}
