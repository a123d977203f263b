/** The strict decoder of signed objects. */
import { describe, expect, it } from 'vitest'
import { createFindings, type ObjectFinding } from '../../../../src/core/der/findings.js'
import { parseDer } from '../../../../src/core/der/reader.js'
import { decodeSignedObject, parseSignedObject } from '../../../../src/core/rpki/signed-object/decode-envelope.js'
import { survivors } from '../../../support/rpki/mutants.js'
import { roa } from '../../../support/rpki/objects.js'
import { EE } from '../../../support/rpki/parts.js'

/** Changes that are valid: NULL means `inherit`; the eContent has its own decoder; a signature of another type does not verify. */
const ALLOWED = [/^\/1\/0\/3\/0\/0\/7\/0\/7\/2\/0\/0\/1=NULL$/, /^\/1\/0\/2\/1\/0(\/|\+)/, /^\/1\/0\/4\/0\/5=NULL$/]

const envelope = (bytes: Uint8Array): { readonly findings: readonly ObjectFinding[] } => {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node !== undefined) parseSignedObject(node, findings)
  return {
    findings: findings
      .all()
      .filter(
        (fault) =>
          !fault.message.includes('signature does not verify') && !fault.message.includes('message digest is not'),
      ),
  }
}

describe('decodeSignedObject', () => {
  it('reads content type and EE certificate', () => {
    expect(decodeSignedObject(roa())).toMatchObject({
      findings: [],
      content: { contentType: '1.2.840.113549.1.9.16.1.24', ee: { ski: EE.name } },
    })
  })

  it('has a finding about every element that is changed', () => {
    expect(survivors(roa(), envelope).filter((path) => !ALLOWED.some((allowed) => allowed.test(path)))).toEqual([])
  })
})
