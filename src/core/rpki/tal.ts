/** Trust anchor locators (RFC 8630 section 2.2) as text. */
import { toBase64 } from '../base/bytes.js'
import type { TalContent } from './types.js'

/**
 * Comments, URIs in their order, a blank line, the key in lines of 64 characters; lines end in LF.
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
