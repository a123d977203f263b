/** The CRL profile (RFC 6487 section 5). */

import type { ObjectFinding } from '../../der/faults.js'
import { createFindings } from '../../der/faults.js'
import type { CrlContent } from '../types.js'
import { checkCommonName, checkNumber, checkOrder, checkSerial } from '../x509/numbers.js'

/** Every fault of what a CRL says. */
export function checkCrlContent(content: CrlContent): readonly ObjectFinding[] {
  const faults = createFindings()
  const rule = 'RFC 6487 section 5'
  faults.addAll(checkCommonName('issuer', content.issuer, rule))
  if (!/^[0-9A-F]{40}$/.test(content.aki)) faults.add(rule, 'the authority key identifier is not 20 octets')
  faults.addAll(checkOrder('thisUpdate', content.thisUpdate, 'nextUpdate', content.nextUpdate, rule))
  faults.addAll(checkNumber('CRL number', content.number, rule))
  const seen = new Set<bigint>()
  for (const { serial, revokedAt } of content.revoked) {
    const text = serial.toString(16).toUpperCase()
    faults.addAll(checkSerial(serial))
    if (seen.has(serial)) faults.tolerate(rule, `serial ${text} is listed twice`)
    if (revokedAt > content.thisUpdate)
      faults.tolerate('RFC 5280 section 5.1.2.6', `serial ${text} is revoked after thisUpdate`)
    seen.add(serial)
  }
  return faults.all()
}
