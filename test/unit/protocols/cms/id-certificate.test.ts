/** ID certificates (RFC 8183 section 4): made, read, and refused. */
import { describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { makeIdCertificate, readIdCertificate } from '../../../../src/core/protocols/cms/id-certificate.js'
import { partyOf } from '../../../support/peers/parties.js'

const FROM = '2026-06-01T00:00:00Z' as Instant
const { id } = await partyOf(0)
const made = await makeIdCertificate({ ...id, notBefore: FROM, notAfter: addSeconds(FROM, 86_400), serial: 7n })

describe('an ID certificate', () => {
  it('is read as it was made', () => {
    const { ski, spki } = id
    expect(readIdCertificate(made)).toMatchObject({ ski, spki, serial: 7n, isSelfSigned: true, notBefore: FROM })
  })

  it('is refused outside of its validity where a time is given', () => {
    expect(readIdCertificate(made, FROM).ski).toBe(id.ski)
    expect(() => readIdCertificate(made, addSeconds(FROM, -1))).toThrow('not at 2026-05-31T23:59:59Z')
    expect(() => readIdCertificate(made, addSeconds(FROM, 86_401))).toThrow('not at 2026-06-02T00:00:01Z')
  })

  it('may end after 2049', async () => {
    const notAfter = '2119-12-10T13:34:05Z' as Instant
    const long = await makeIdCertificate({ ...id, notBefore: FROM, notAfter, serial: 1n })
    expect(readIdCertificate(long).notAfter).toBe(notAfter)
  })
})
