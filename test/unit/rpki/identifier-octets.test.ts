/** No identifier octet of an object can be another one without a finding: every place names the tag that it expects. */
import { describe, expect, it } from 'vitest'
import { createFindings } from '../../../src/core/der/findings.js'
import { parseDer } from '../../../src/core/der/reader.js'
import { parseCrl } from '../../../src/core/rpki/crl.js'
import { inspectObject } from '../../../src/core/rpki/inspect/inspect.js'
import { parseObject } from '../../../src/core/rpki/signed-object/decode-object.js'
import { parseCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { sampled } from '../../support/processes/sample.js'
import { identifierMutants, SUBJECTS, type Subject } from '../../support/rpki/identifier-octets.js'
import { NOW } from '../../support/rpki/parts.js'

/** Returns true if the decoder has a finding. */
async function isFound({ path }: Subject, bytes: Uint8Array): Promise<boolean> {
  const findings = createFindings()
  const node = parseDer(bytes, findings)
  if (node !== undefined) {
    if (path.endsWith('.cer')) parseCertificate(node, undefined, findings)
    else if (path.endsWith('.crl')) parseCrl(node, findings)
    else await parseObject(node, findings)
  }
  return findings.all().length > 0
}

/** Returns true for a mutant that is another valid object: the successor of a trust anchor key as its predecessor (RFC 9691 section 3.2). */
function isAnother({ id }: Subject, { from, to }: { readonly from: number; readonly to: number }): boolean {
  return id === 'ta key' && from === 0xa1 && to === 0xa0
}

describe.each(SUBJECTS)('the identifier octets of a $id', (subject) => {
  it('is valid before a mutation', async () => {
    expect((await inspectObject(subject.path, subject.good, NOW)).faults).toEqual([])
  })

  it('has a finding for each other tag of a constructed element, and of a sample of the others', async () => {
    const all = [...identifierMutants(subject.good, subject.signer)].filter((mutant) => !isAnother(subject, mutant))
    const isMade = (tag: number): boolean => (tag & 0x20) !== 0
    const made = sampled(
      all.filter(({ from }) => isMade(from)),
      150,
    )
    const chosen = [
      ...made,
      ...sampled(
        all.filter(({ from }) => !isMade(from)),
        50,
      ),
    ]
    const passed: string[] = []
    for (const { id, bytes } of chosen) if (!(await isFound(subject, bytes()))) passed.push(id)
    expect(passed, `${passed.length} of ${chosen.length} pass`).toEqual([])
  })
})
