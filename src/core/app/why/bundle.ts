/**
 * The files that prove a VRP without this program: the ROA, the certificates, CRLs and manifests of its chain, and a text that says how to
 * verify them with OpenSSL. Invariant: each of these files is as it was published. The text and the report name authors, hosts and reasons.
 */
import { utf8 } from '../../base/bytes.js'
import { AppError } from '../../base/errors.js'
import { parseHandle } from '../../base/handle.js'
import { epochOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Work } from '../../eventsourcing/work.js'
import { spkiOf } from '../../issuing/stored.js'
import { encodeTal } from '../../rpki/tal.js'
import { taState } from '../session/context.js'
import { bundleText } from './bundle-text.js'
import type { ChainLink } from './chain.js'
import type { WhyReport } from './report.js'

/** File names with their bytes, in the order of the names. */
export type Bundle = readonly { readonly name: string; readonly bytes: Uint8Array }[]

/** Returns the files. Throws `why-nothing-published` (rejected) for a VRP that is not there, `why-file-archived` (rejected) without one of the files. */
export function bundleOf(report: WhyReport, bytesOf: (sha256: Sha256) => Uint8Array | undefined, work: Work): Bundle {
  const { object, chain, vrp } = report
  if (object === null)
    throw new AppError('rejected', 'why-nothing-published', `there is nothing to prove: ${report.answer.message}`, {
      hint: report.answer.hint ?? `brine why "${vrp}"`,
    })
  const get = (name: string, uri: string, sha256: Sha256) => {
    const bytes = bytesOf(sha256)
    if (bytes !== undefined) return { name, bytes }
    throw new AppError('rejected', 'why-file-archived', `${uri} of that time is archived elsewhere, or was removed`, {
      hint: 'name the archive with --archive DIR, or a later time with --at',
    })
  }
  const links = [...chain].reverse()
  const files = [
    get(`object/${object.name}`, object.uri, object.sha256),
    ...links.flatMap((link, at) => [
      get(`certificates/${at}.cer`, link.uri, link.sha256),
      ...(link.crl === null ? [] : [get(`crls/${at}.crl`, link.crl.uri, link.crl.sha256)]),
      ...(link.manifest === null ? [] : [get(`manifests/${at}.mft`, link.manifest.uri, link.manifest.sha256)]),
    ]),
    ...talOf(links[0], work),
    { name: 'why.json', bytes: utf8(`${JSON.stringify(report, null, 2)}\n`) },
  ]
  const text = bundleText({ ...report, object }, links, epochOf(report.at))
  const all = [...files, { name: 'README.txt', bytes: utf8(text) }]
  const sums = all.map(({ name, bytes }) => `${sha256Hex(bytes)}  ${name}\n`).join('')
  return [...all, { name: 'SHA256SUMS', bytes: utf8(sums) }].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function talOf(top: ChainLink | undefined, work: Work): Bundle {
  if (top === undefined || top.issuer !== null) return []
  const { key, place } = taState(work, parseHandle(top.holder.slice('ta/'.length)))
  if (key === null || place === null) return []
  return [{ name: 'ta.tal', bytes: utf8(encodeTal({ comments: [], uris: place.uris, spki: spkiOf(key.spki) })) }]
}
