/** Who serves a label: the order of its group and not the CA that it names, one CA alone where it stands in no group, nobody when all are out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

const site = new EnrolSite()
let cas = ''
/** Nobody listens there: every request is refused at once. */
let out = ''

beforeAll(async () => {
  await site.init()
  const files = site.peerFiles('away')
  cas = ['one', 'two'].map((id) => site.fileCa(id)).join('')
  out = ['x', 'y'].map((id) => site.remoteCa(id, 'cfssl', 'https://127.0.0.1:1', files)).join('')
})
afterAll(() => site.remove())

const label = (name: string, ca: string): string =>
  `[[est.label]]\nname = "${name}"\nca_id = "${ca}"\nprofile = "deviceCert"\n`

describe('a label', () => {
  it('of a group is served in the order of the group, whichever of its CAs it names', async () => {
    site.configure(
      `${cas}[[ha.group]]\nname = "both"\nca_ids = ["one", "two"]\n${label('first', 'one')}${label('second', 'two')}`,
    )
    expect([...(await site.serve('first', 2)), ...(await site.serve('second', 2))]).toEqual([
      'one',
      'one',
      'one',
      'one',
    ])
    await site.brine('ha', 'drain', 'one', '--reason', 'maintenance')
    expect([...(await site.serve('first', 1)), ...(await site.serve('second', 1))]).toEqual(['two', 'two'])
    await site.brine('ha', 'resume', 'one')
  })

  it('of a CA that stands in no group is served by it alone, and never by another', async () => {
    site.configure(`${cas}${out}${group('both', ['one', 'two'])}${label('alone', 'x')}${label('direct', 'y')}`)
    const refused = await site.enrol('alone')
    expect([refused.code, refused.error, refused.asked]).toEqual([16, 'est-unavailable', ['x ca-fault']])
    expect(refused.message).toContain('refused the connection')
    expect((await site.enrol('both')).asked).toEqual(['one ok'])
  })

  it('whose CAs are all out is served by nobody, says why of each and when to come back', async () => {
    site.configure(`[ha]\nfailure_threshold = 1\n${out}${group('gone', ['x', 'y'])}`)
    const asked = await site.enrol('gone')
    expect([asked.code, asked.asked]).toEqual([16, ['x ca-fault', 'y ca-fault']])
    expect(await site.states()).toBe('circuit-open circuit-open')
    const { members, retryAfter } = await site.status()
    const refused = await site.enrol('gone')
    expect([refused.code, refused.error, refused.asked]).toEqual([16, 'est-unavailable', []])
    for (const { ca, openUntil } of members) expect(refused.message).toContain(`${ca}: open until ${openUntil}`)
    const { error } = refused.run.json<{ error: { retryAfter: number } }>()
    expect(error.retryAfter).toBeGreaterThan(0)
    expect(error.retryAfter).toBeLessThanOrEqual(retryAfter ?? 0)
    // nothing of it stays open: the same request is served as soon as somebody can
    const csr = site.request()
    await site.enrolFile('gone', csr)
    site.configure(`${cas}${group('gone', ['one'])}`)
    expect((await site.enrolFile('gone', csr)).ca).toBe('one')
  })
})
