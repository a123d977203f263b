/** Enrolment at CAs whose keys are files, through the program: issued, renewed, revoked, listed, refused. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnrolledDocument } from '../../../src/core/app/enrolment/documents.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { runBrine } from '../../support/processes/cli.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-est-'))
const data = join(base, 'data')
const file = (name: string): string => join(base, name)
const brine = (...args: readonly string[]) => runBrine(args, { dataDir: data })
const enroll = async (...args: readonly string[]): Promise<EnrolledDocument> => {
  const ran = await brine('est', 'enroll', 'device', '--csr', file('device.csr'), '--json', ...args)
  expect(ran, ran.stdout).toMatchObject({ code: 0 })
  return ran.json<EnrolledDocument>()
}
const verify = (pem: string, ...more: readonly string[]): string => {
  writeFileSync(file('verify.pem'), pem)
  return box.run('verify', '-CAfile', file('cacerts.pem'), ...more, file('verify.pem')).toString()
}

beforeAll(async () => {
  for (const id of ['one', 'two']) {
    const { key } = box.ca(id)
    renameSync(key, box.path(`${id}.key`))
    chmodSync(box.path(`${id}.key`), 0o600)
  }
  await runBrine(['init'], { dataDir: data })
  const ca = (id: string): string =>
    `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${box.path(`${id}.pem`)}"\nca_key = "${box.path(`${id}.key`)}"\n`
  const label = (name: string, profile: string): string =>
    `[[est.label]]\nname = "${name}"\nca_id = "one"\nprofile = "${profile}"\nauth = "password"\n`
  const group = '[[ha.group]]\nname = "production"\nca_ids = ["one", "two"]\n'
  writeFileSync(
    join(data, 'brine.toml'),
    `${ca('one')}${ca('two')}${ca('alone').replaceAll('alone.', 'one.')}${group}${label('device', 'deviceCert')}${label('server', 'serverCert')}`,
  )
  writeFileSync(file('device.csr'), box.request({ subject: '/CN=device-1' }))
  writeFileSync(file('server.csr'), box.request({ subject: '/CN=s', san: 'DNS:a.example,IP:192.0.2.1' }))
  await brine('est', 'cacerts', 'device', '--out', file('cacerts.pem'))
}, 60_000)
afterAll(() => {
  box.remove()
  rmSync(base, { recursive: true, force: true })
})

describe('est enroll', () => {
  it('prints a certificate that verifies against cacerts, and records who asked and who issued', async () => {
    const ran = await brine('est', 'enroll', 'device', '--csr', file('device.csr'), '--actor', 'alice')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(verify(ran.stdout)).toContain('OK')
    const { certificates } = (await brine('est', 'cert', 'list', '--json')).json<{ certificates: unknown[] }>()
    expect(certificates).toMatchObject([
      { label: 'device', ca: 'one', subject: 'CN=device-1', state: 'valid', by: { how: 'operator', name: 'alice' } },
    ])
    const history = (await brine('history', 'list', 'est/0', '--json')).json<{ commands: { actor: string }[] }>()
    expect(history.commands.map(({ actor }) => actor)).toEqual(['alice', 'alice'])
  })

  it('takes the next CA where one cannot sign, tells so, and explains', async () => {
    renameSync(box.path('one.key'), box.path('one.lost'))
    try {
      const document = await enroll('--explain')
      expect(document).toMatchObject({
        ca: 'two',
        failover: true,
        attempts: [
          { ca: 'one', outcome: 'config-fault' },
          { ca: 'two', outcome: 'ok' },
        ],
        candidates: [
          { ca: 'one', why: null },
          { ca: 'two', why: null },
        ],
      })
      expect(verify(document.pem)).toContain('OK')
      const told = (await brine('status', '--json')).json<{
        ha: unknown
        concerns: { code: string; message: string }[]
      }>()
      expect(told.ha).toEqual([
        expect.objectContaining({ name: 'production', verdict: 'degraded', next: 'two', retryAfter: null }),
        expect.objectContaining({ name: 'alone', verdict: 'ok', next: 'alone' }),
      ])
      const concern = told.concerns.find(({ code }) => code === 'ha-degraded')
      expect(concern?.message).toMatch(/production: one open until \d{4}-/)
      const next = await enroll('--explain')
      expect(next.attempts.map(({ ca }) => ca)).toEqual(['two'])
      expect(next.candidates?.[0]).toEqual({ ca: 'one', why: expect.stringMatching(/^open until \d{4}-/) })
      const pinned = await brine('est', 'enroll', 'device', '--csr', file('device.csr'), '--ca', 'one', '--json')
      expect(pinned.code).toBe(16)
      expect(pinned.json()).toMatchObject({
        error: { code: 'est-unavailable', retry: true, retryAfter: expect.any(Number), changed: 'no' },
      })
    } finally {
      renameSync(box.path('one.lost'), box.path('one.key'))
    }
    expect((await brine('ha', 'resume', 'one')).code).toBe(0)
    expect((await enroll()).ca).toBe('one')
    await brine('ha', 'status', '--prom', file('ha.prom'))
    const metrics = readFileSync(file('ha.prom'), 'utf8')
    for (const line of [
      '# TYPE brine_est_certificates_issued_total counter',
      'brine_est_certificates_issued_total{label="device",ca="two"} 2',
      'brine_est_attempts_failed_total{label="device",ca="one",outcome="config-fault"} 1',
      'brine_est_failovers_total{label="device",ca="one"} 1',
      'brine_ha_transitions_total{ca="one",to="circuit-open"} 1',
      'brine_ha_transitions_total{ca="one",to="healthy"} 1',
    ])
      expect(metrics.split('\n')).toContain(line)
    expect(metrics).toMatch(/brine_est_certificates_issued_total\{label="device",ca="one"\} \d+/)
  })

  it('writes a new file and never over another', async () => {
    const done = await brine('est', 'enroll', 'device', '--csr', file('device.csr'), '--out', file('out.pem'))
    expect(done.stdout).toMatch(/^device: serial [0-9a-f]+ by one, until .*; written to /)
    expect(verify(readFileSync(file('out.pem'), 'utf8'))).toContain('OK')
    const asked = ['--csr', file('device.csr')]
    const certificates = async () => (await brine('est', 'cert', 'list', '--json')).stdout
    const before = await certificates()
    for (const command of [
      ['enroll', 'device', ...asked],
      ['renew', 'device', ...asked, '--cert', file('out.pem')],
      ['crl', 'one'],
    ])
      for (const place of ['out.pem', 'missing/out.pem']) {
        const refused = await brine('est', ...command, '--out', file(place))
        expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/out\.pem[\s\S]*nothing changed/)])
      }
    // who has to find another name has no certificate that nobody holds, and no number of a list is gone
    expect(await certificates()).toBe(before)
  })

  it('refuses what the profile does not allow, with every fault, in history', async () => {
    const ran = await brine('est', 'enroll', 'device', '--csr', file('server.csr'), '--json')
    expect(ran.code).toBe(1)
    expect(ran.stdout).toContain('IP address 192.0.2.1 is not allowed; deviceCert allows none')
    const { commands } = (await brine('history', 'list', 'est/0', '--json')).json<{ commands: { result: string }[] }>()
    expect(commands[0]).toMatchObject({ result: 'rejected', type: 'request.open' })
    const good = await brine('est', 'enroll', 'server', '--csr', file('server.csr'), '--json')
    writeFileSync(file('server.pem'), good.json<EnrolledDocument>().pem)
    expect(box.run('x509', '-in', file('server.pem'), '-noout', '-text').toString()).toContain(
      'DNS:a.example, IP Address:192.0.2.1',
    )
  })

  it('refuses times that mean nothing', async () => {
    for (const args of [
      ['crl', 'one', '--next', '0s'],
      ['crl', 'one', '--next', '99999999d'],
      ['otp', 'create', 'device', '--for', '0s'],
    ])
      expect(await brine('est', ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing changed') })
  })

  it('refuses a label and a CA that do not belong there', async () => {
    const label = await brine('est', 'enroll', 'nix', '--csr', file('device.csr'))
    expect([label.code, label.stderr]).toEqual([2, expect.stringContaining('unknown label "nix"')])
    const ca = await brine('est', 'enroll', 'device', '--csr', file('device.csr'), '--ca', 'alone')
    expect([ca.code, ca.stderr]).toEqual([2, expect.stringContaining('CAs of the label: one, two')])
  })
})

describe('est renew, cert revoke, crl', () => {
  it('renews what is valid, for the same names only', async () => {
    const { pem, serial } = await enroll()
    writeFileSync(file('old.pem'), pem)
    writeFileSync(file('new.csr'), box.request({ subject: '/CN=device-1' }))
    const renew = (csr: string) =>
      brine('est', 'renew', 'device', '--csr', file(csr), '--cert', file('old.pem'), '--json')
    const renewed = (await renew('new.csr')).json<EnrolledDocument>()
    expect(verify(renewed.pem)).toContain('OK')
    const shown = await brine('est', 'cert', 'show', renewed.id, '--json')
    expect(shown.json()).toMatchObject({ renews: serial, serial: renewed.serial })
    writeFileSync(file('other.csr'), box.request({ subject: '/CN=device-2' }))
    const other = await renew('other.csr')
    expect([other.code, other.stdout]).toEqual([1, expect.stringContaining('a renewal keeps the names')])
    box.ca('stranger')
    writeFileSync(file('old.pem'), readFileSync(box.path('stranger.pem')))
    expect(await renew('new.csr')).toMatchObject({ code: 1 })
  })

  it('revokes once, at the CA that issued; its list says so with a number that rises, and nothing is renewed any more', async () => {
    const { pem, serial, id } = await enroll()
    writeFileSync(file('gone.pem'), pem)
    expect((await brine('est', 'cert', 'revoke', serial)).code).toBe(2)
    const revoked = await brine('est', 'cert', 'revoke', serial, '--because', 'cessationOfOperation', '--yes')
    expect([revoked.code, revoked.stdout]).toEqual([0, `one revoked ${serial}: cessationOfOperation\n`])
    const again = await brine('est', 'cert', 'revoke', id, '--yes', '--json')
    expect(again.json()).toMatchObject({ changed: 'no', reason: 'cessationOfOperation' })
    const lists = [await brine('est', 'crl', 'one', '--json'), await brine('est', 'crl', 'one', '--json')]
    expect(lists.map((list) => list.json<{ number: number }>().number)).toEqual([1, 2])
    writeFileSync(file('one.crl'), lists[1]?.json<{ pem: string }>().pem ?? '')
    const text = box.run('crl', '-in', file('one.crl'), '-CAfile', box.path('one.pem'), '-noout', '-text').toString()
    expect(text).toContain(`Serial Number: ${serial.toUpperCase()}`)
    expect(text).toContain('Cessation Of Operation')
    const checked = ['-crl_check', '-CRLfile', file('one.crl')]
    expect(() => verify(pem, ...checked)).toThrow(/certificate revoked/)
    expect(verify((await enroll()).pem, ...checked)).toContain('OK')
    const renew = await brine('est', 'renew', 'device', '--csr', file('device.csr'), '--cert', file('gone.pem'))
    expect([renew.code, renew.stderr]).toEqual([1, expect.stringContaining('was revoked at')])
  })
})

it('says with --dry-run what would happen, and does nothing', async () => {
  const before = (await brine('audit', 'digest')).stdout
  const dry = (...args: readonly string[]) => brine(...args, '--dry-run')
  const { serial } = (await brine('est', 'cert', 'list', '--json')).json<{ certificates: { serial: string }[] }>()
    .certificates[0] ?? { serial: '' }
  const runs = [
    await dry('est', 'enroll', 'device', '--csr', file('device.csr')),
    await dry('est', 'otp', 'create', 'device'),
    await dry('est', 'crl', 'one'),
    await dry('est', 'cert', 'revoke', serial),
    await dry('ha', 'drain', 'one', '--reason', 'x'),
    await dry('ha', 'resume', 'one'),
    await dry('ha', 'probe', '--now'),
  ]
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0, 0])
  const [enrolment, ...rest] = runs.map(({ stdout }) => stdout)
  expect(enrolment).toBe(
    '# one: can serve\n# two: can serve\ndevice: the request would go to one; dry run, nothing changed\n',
  )
  expect(rest.at(-1)).toBe('would probe one, two, alone; dry run, nothing changed\n')
  for (const text of rest.slice(0, 4)) expect(text).toMatch(/nothing changed\n$/)
  expect((await dry('est', 'enroll', 'device', '--csr', file('server.csr'))).code).toBe(1)
  expect((await brine('audit', 'digest')).stdout).toBe(before)
})

it('keeps a history that proves itself, and a copy that is whole', async () => {
  expect(await brine('audit', 'verify', '--full')).toMatchObject({ code: 0 })
  const { certificates } = (await brine('est', 'cert', 'list', '--json')).json<{ certificates: { id: string }[] }>()
  const backup = await brine('backup', 'create', file('backup.tar'), '--plain')
  expect(backup, backup.stderr).toMatchObject({ code: 0 })
  await runBrine(['restore', file('backup.tar'), '--into', join(base, 'restored'), '--yes'])
  const there = await runBrine(['est', 'cert', 'show', certificates[0]?.id ?? ''], { dataDir: join(base, 'restored') })
  expect(verify(there.stdout.slice(there.stdout.indexOf('-----BEGIN')))).toContain('OK')
})
