/** Manifest contents (RFC 9286 section 4.2). Reads on after a fault. */

import { createFindings, type FindingList } from '../der/faults.js'
import { textOf } from '../der/primitives.js'
import { childrenOf, contentOf, type DerNode, isContext, isType, parseInner, TAG } from '../der/reader.js'
import { membersOf, readBits, readInteger, readOid, readTime } from '../der/values.js'
import { checkManifestContent, type ManifestPlace } from './profile/manifest.js'
import type { Decoded, ManifestContent, ManifestFile } from './types.js'
import { OID_SHA256 } from './x509/oids.js'

const RULE = 'RFC 9286 section 4.2.1'

/** The manifest in `eContent`, with every fault; `place` adds the checks of where it stands. */
export function decodeManifest(eContent: Uint8Array, place: ManifestPlace = {}): Decoded<ManifestContent> {
  const faults = createFindings()
  const node = parseInner(eContent, 'eContent', faults)
  if (node === undefined) return { content: undefined, faults: faults.all() }
  const parts = [...childrenOf(node)]
  if (node.tag !== TAG.sequence) faults.add('RFC 9286 section 4.2', 'the content is not a Manifest')
  readVersion(parts, 0n, RULE, faults)
  const [numberNode, thisNode, nextNode, hashNode, listNode, ...more] = parts
  const number = readInteger(numberNode)
  if (number === undefined) faults.add(RULE, 'the manifest number is no INTEGER of at most 20 octets')
  const thisUpdate = readManifestTime(thisNode, 'thisUpdate', faults)
  const nextUpdate = readManifestTime(nextNode, 'nextUpdate', faults)
  const hash = readOid(hashNode)
  if (hash !== OID_SHA256) faults.add(RULE, `the hash algorithm is ${hash ?? 'unreadable'}, not SHA-256`)
  if (!isType(listNode, TAG.sequence)) faults.add(RULE, 'the file list is unreadable')
  if (more.length > 0) faults.add('RFC 9286 section 4.2', 'an unknown member in the manifest')
  const files = listNode === undefined ? [] : readFiles(listNode, faults)
  if (number === undefined || thisUpdate === undefined || nextUpdate === undefined || listNode === undefined)
    return { content: undefined, faults: faults.all() }
  const content = { number, thisUpdate, nextUpdate, files }
  faults.addAll(checkManifestContent(content, place))
  return { content, faults: faults.all() }
}

/** Takes an explicit `[0]` version from the front: `standard` is the one expected. Version 0 is the DEFAULT and must not be encoded (X.690 section 11.5). */
export function readVersion(parts: DerNode[], standard: bigint, rule: string, faults: FindingList): void {
  const isPresent = isContext(parts[0], 0)
  const first = isPresent ? parts.shift() : undefined
  const version =
    first === undefined
      ? 0n
      : readInteger(membersOf(first, { what: 'the version', rule, least: 1, most: 1 }, faults)[0])
  if (version !== standard) faults.add(rule, `version ${version ?? '(unreadable)'}, not ${standard}`)
  else if (isPresent && version === 0n)
    faults.add(rule, 'version 0 is the default and must not be encoded (X.690 section 11.5)')
}

function readManifestTime(node: DerNode | undefined, what: string, faults: FindingList): ReturnType<typeof readTime> {
  const instant = node?.tag === TAG.generalizedTime ? readTime(node) : undefined
  if (instant === undefined) faults.add(RULE, `${what} is not a GeneralizedTime in UTC with whole seconds`)
  return instant
}

function readFiles(list: DerNode, faults: FindingList): readonly ManifestFile[] {
  const files: ManifestFile[] = []
  for (const node of childrenOf(list)) {
    const [nameNode, hashNode, more] = childrenOf(node)
    const hash = readBits(hashNode)
    if (!isType(nameNode, TAG.ia5String) || hash === undefined || hash.unused !== 0 || more !== undefined)
      faults.add(RULE, 'an entry of the file list is no name and hash')
    else files.push({ name: textOf(contentOf(nameNode)), sha256: hash.bytes })
  }
  return files
}
