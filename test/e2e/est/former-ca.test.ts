/** A CA that left its group, its section removed from the configuration as the documented migration ends: its certificates live on. */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { EnrolledDocument } from '../../../src/core/app/enrolment/documents.js'
import { EnrolSite, group, type Outcome, shown } from '../../support/sites/enrol-site.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const site = new EnrolSite()
const [old, young] = [site.ca('old'), site.ca('young')]
let issued: readonly Outcome[] = []

beforeAll(async () => {
  await site.init()
  site.configure(`${site.fileCa('old', old)}${site.fileCa('young', young)}${group('device', ['old', 'young'])}`)
  const files = ['a', 'b'].map((name) => site.request({ subject: `/CN=${name}` }))
  issued = [
    await site.enrolFile('device', files[0] ?? '', '--ca', 'old'),
    await site.enrolFile('device', files[1] ?? '', '--ca', 'old'),
  ]
  expect(issued.map(({ ca }) => ca)).toEqual(['old', 'old'])
  site.configure(`${site.fileCa('young', young)}${group('device', ['young'])}`)
})
afterAll(() => site.remove())

const subjects = async (): Promise<string> => {
  const { stdout } = await site.brine('est', 'cacerts', 'device')
  const pems = stdout.split(/(?<=-----END CERTIFICATE-----\n?)/).filter((pem) => pem.includes('BEGIN'))
  return pems.map((pem) => /CN = (.*)/.exec(shown(pem, '-subject'))?.[1]).join(' ')
}
const warnings = async (): Promise<readonly string[]> => {
  const checked = await site.brine('config', 'check', '--json')
  expect(checked.code).toBe(0)
  return checked.json<{ problems: { message: string }[] }>().problems.map(({ message }) => message)
}

describe('after a CA left the group', () => {
  it('cacerts keeps it, and config check counts its certificates', async () => {
    expect(await subjects()).toBe('young root old')
    await site.verify(
      'device',
      issued.map(({ pem }) => pem),
    )
    const [warning = ''] = await warnings()
    expect(warning).toMatch(/^label device: 2 certificates of old, which left the group, can be renewed until \d{4}-/)
    expect(warning).toMatch(/cacerts keeps the certificate of old until then; old is in no \[\[ca\]\]/)
    const told = await site.brine('config', 'check')
    expect(told.stdout).toMatch(/brine\.toml:\d+: warning: label device: 2 certificates of old/)
  })

  it('config check of another file compares with that file', async () => {
    const before = `${site.fileCa('old', old)}${site.fileCa('young', young)}${group('device', ['old', 'young'])}`
    writeFileSync(site.box.path('before.toml'), before)
    const with_ = await site.brine('config', 'check', '--config', site.box.path('before.toml'))
    expect([with_.code, with_.stdout]).toEqual([0, expect.not.stringContaining('left the group')])
  })

  it('its certificates are listed, renewed through the group, and revoked', async () => {
    const listed = await site.brine('est', 'cert', 'list', '--ca', 'old', '--json')
    expect(listed.json<{ certificates: unknown[] }>().certificates).toHaveLength(2)
    writeFileSync(site.box.path('a.pem'), issued[0]?.pem ?? '')
    const csr = site.request({ subject: '/CN=a' })
    const renewed = await site.brine('est', 'renew', 'device', '--csr', csr, '--cert', site.box.path('a.pem'), '--json')
    expect(renewed.json<EnrolledDocument>()).toMatchObject({ ca: 'young', label: 'device' })
    const revoke = (n: number) =>
      site.brine('est', 'cert', 'revoke', issued[n]?.id ?? '', '--because', 'superseded', '--yes')
    const dry = await site.brine('est', 'cert', 'revoke', issued[0]?.id ?? '', '--dry-run')
    expect(dry.stdout).toContain('would be revoked here only')
    expect(await revoke(0)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/is revoked here: superseded; old was not informed/),
    })
    expect((await revoke(0)).stdout).toContain('already revoked')
    const again = await site.brine('est', 'renew', 'device', '--csr', csr, '--cert', site.box.path('a.pem'))
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('was revoked at')])
    expect((await warnings())[0]).toContain('1 certificate of old')
    expect(await subjects()).toBe('young root old')
    // the last one
    expect((await revoke(1)).code).toBe(0)
    expect([await subjects(), await warnings()]).toEqual(['young root', []])
    expect((await site.brine('audit', 'verify')).code).toBe(0)
  })

  it('a CA that is configured outside of the group is told of revocations', async () => {
    site.configure(`${site.fileCa('old', old)}${site.fileCa('young', young)}${group('device', ['old', 'young'])}`)
    const { id } = await site.enrolFile('device', site.request(), '--ca', 'old')
    site.configure(`${site.fileCa('old', old)}${site.fileCa('young', young)}${group('device', ['young'])}`)
    expect((await warnings()).at(-1)).toMatch(/1 certificate of old.*keeps the certificate of old until then$/)
    expect(await subjects()).toBe('young root old')
    const revoked = await site.brine('est', 'cert', 'revoke', id, '--yes')
    expect(revoked.stdout).toMatch(/^old revoked /)
    expect((await site.brine('est', 'crl', 'old')).code).toBe(0)
  })
})

it('the former certificate of a CA that has a new one stays in cacerts while certificates of it are valid', async () => {
  const renewed = site.ca('young-2')
  site.configure(`${site.fileCa('young', renewed)}${group('device', ['young'])}`)
  expect(await subjects()).toBe('young-2 root young')
})
