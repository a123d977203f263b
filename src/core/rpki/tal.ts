/**
 * Trust anchor locators (RFC 8630): encoder, strict decoder.
 *
 * RFC 8630 section 2.2, a text of
 *
 *     *(comment: "#" text CRLF or LF)
 *     1*(URI of the trust anchor certificate, rsync or https, CRLF or LF)
 *     an empty line
 *     subjectPublicKeyInfo in DER and base64, broken into lines
 */
import { fromBase64, toBase64 } from '../base/bytes.js'
import { quoted } from '../base/text.js'
import { createFindings, type Decoded, type FindingList } from '../der/findings.js'
import { checkRsaKey, parseKey } from './x509/key.js'
import { checkUri, lastSegment } from './x509/uri.js'

/** RFC 8630 section 2. */
export interface TalContent {
  readonly comments: readonly string[]
  readonly uris: readonly string[]
  readonly spki: Uint8Array
}

const RULE = 'RFC 8630 section 2.2'
const MAX_SIZE = 65_536

/**
 * Returns the text: comments, URIs in their order, a blank line, the key in lines of 64 characters; lines end in LF.
 * Throws a TypeError for a comment of more than one line, no URI, and a URI that is neither rsync nor https or does not end in `.cer`.
 */
export function encodeTal(content: TalContent): string {
  if (content.uris.length === 0) throw new TypeError('a trust anchor locator without a URI')
  const comments = content.comments.map((comment) => {
    if (/[\r\n]/.test(comment)) throw new TypeError(`a comment of more than one line: ${JSON.stringify(comment)}`)
    return comment === '' ? '#' : `# ${comment}`
  })
  for (const uri of content.uris) {
    if (!/^(rsync|https):\/\/[!-~]+\.cer$/.test(uri))
      throw new TypeError(`not the rsync or https URI of a .cer file: ${JSON.stringify(uri)}`)
  }
  const key = toBase64(content.spki).match(/.{1,64}/g) ?? []
  return [...comments, ...content.uris, '', ...key, ''].join('\n')
}

/** Returns the trust anchor locator in `input` with every finding. Content is there when a key could be read. */
export function decodeTal(input: string | Uint8Array): Decoded<TalContent> {
  const findings = createFindings()
  if (input.length > MAX_SIZE) {
    findings.add(RULE, `${input.length} octets are too many for a trust anchor locator`)
    return { content: undefined, findings: findings.all() }
  }
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8')
  const lines = text.split(/\r?\n/)
  const comments: string[] = []
  while (lines[0]?.startsWith('#')) comments.push((lines.shift() ?? '').replace(/^# ?/, ''))
  const uris: string[] = []
  while (lines[0] !== undefined && /^[a-z]+:\/\//i.test(lines[0])) uris.push(lines.shift() ?? '')
  if (lines[0] !== '') findings.add(RULE, 'no blank line between the URIs and the key')
  checkUris(uris, findings)
  const spki = readKeyText(lines.join('\n'), findings)
  return { content: spki === undefined ? undefined : { comments, uris, spki }, findings: findings.all() }
}

function checkUris(uris: readonly string[], findings: FindingList): void {
  if (uris.length === 0) findings.add(RULE, 'no URI of a trust anchor certificate at the start')
  for (const uri of uris) {
    findings.addAll(checkUri('URI', uri, ['rsync', 'https'], RULE))
    if (!uri.endsWith('.cer')) findings.add(RULE, `URI ${quoted(uri)} does not end in .cer`)
  }
  const names = new Set(uris.map(lastSegment))
  if (names.size > 1) findings.refused(RULE, 'the URIs name different files')
}

function readKeyText(text: string, findings: FindingList): Uint8Array | undefined {
  const isPem = text.includes('-----')
  const spki = isPem ? undefined : fromBase64(text)
  if (spki === undefined || spki.length === 0) {
    findings.add(RULE, isPem ? 'the key is in PEM armour, plain base64 is required' : 'no key in base64 after the URIs')
    return undefined
  }
  findings.addAll(checkRsaKey(parseKey(spki)))
  return spki
}
