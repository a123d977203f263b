/** Trust anchor locators (RFC 8630 section 2.2): comments, URIs, a blank line, the key. */
import { fromBase64 } from '../base/bytes.js'
import { quoted } from '../base/text.js'
import { createFindings, type FindingList } from '../der/faults.js'
import type { Decoded, TalContent } from './types.js'
import { checkRsaKey, parseKey } from './x509/key.js'
import { checkUri, lastSegment } from './x509/uri.js'

const RULE = 'RFC 8630 section 2.2'
const MAX_SIZE = 65_536

/** The trust anchor locator that a text is, with every fault. Content is there when a key could be read. */
export function decodeTal(input: string | Uint8Array): Decoded<TalContent> {
  const faults = createFindings()
  if (input.length > MAX_SIZE) {
    faults.add(RULE, `${input.length} octets are too many for a trust anchor locator`)
    return { content: undefined, faults: faults.all() }
  }
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8')
  const lines = text.split(/\r?\n/)
  const comments: string[] = []
  while (lines[0]?.startsWith('#')) comments.push((lines.shift() ?? '').replace(/^# ?/, ''))
  const uris: string[] = []
  while (lines[0] !== undefined && /^[a-z]+:\/\//i.test(lines[0])) uris.push(lines.shift() ?? '')
  if (lines[0] !== '') faults.add(RULE, 'no blank line between the URIs and the key')
  checkUris(uris, faults)
  const spki = readKeyText(lines.join('\n'), faults)
  return { content: spki === undefined ? undefined : { comments, uris, spki }, faults: faults.all() }
}

function checkUris(uris: readonly string[], faults: FindingList): void {
  if (uris.length === 0) faults.add(RULE, 'no URI of a trust anchor certificate at the start')
  for (const uri of uris) {
    faults.addAll(checkUri('URI', uri, ['rsync', 'https'], RULE))
    if (!uri.endsWith('.cer')) faults.add(RULE, `URI ${quoted(uri)} does not end in .cer`)
  }
  const names = new Set(uris.map(lastSegment))
  if (names.size > 1) faults.add(RULE, 'the URIs name different files, which rpki-client rejects')
}

function readKeyText(text: string, faults: FindingList): Uint8Array | undefined {
  const spki = /-----/.test(text) ? undefined : fromBase64(text)
  if (spki === undefined || spki.length === 0) {
    faults.add(
      RULE,
      /-----/.test(text) ? 'the key is in PEM armour, plain base64 is due' : 'no key in base64 behind the URIs',
    )
    return undefined
  }
  faults.addAll(checkRsaKey(parseKey(spki)))
  return spki
}
