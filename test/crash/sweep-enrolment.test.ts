/**
 * Enrolment with failing file operations: a certificate is recorded or was not handed out, the report is true, the same key can be enrolled
 * afterwards, and history is complete. A sample of the cases; all of them with SLOW=1.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readEst } from '../../src/core/app/enrolment/commit.js'
import { enroll } from '../../src/core/app/enrolment/enroll.js'
import { createPassword } from '../../src/core/app/enrolment/passwords.js'
import { backendOf } from '../../src/core/app/failover/backends.js'
import { drain } from '../../src/core/app/failover/override.js'
import type { Instant } from '../../src/core/base/time.js'
import { OpensslBox } from '../support/peers/requests.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'

/** The CA is created now, so it is valid from now on. */
const NOW = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '') as Instant
const box = new OpensslBox()
const folder = mkdtempSync(join(tmpdir(), 'brine-sweep-est-'))
const base = join(folder, 'base')
let csr: Uint8Array
const BY = { how: 'operator', name: 'ops' } as const

const enrol = async (dir: string, now: string | undefined, ca?: string) =>
  enroll(await quickSession(dir, now), { label: 'device', csr, by: BY, ...(ca === undefined ? {} : { ca }) }, backendOf)
const issued = async (dir: string, now: string | undefined): Promise<string> =>
  readEst(await quickSession(dir, now), ({ certificates }) => `${[...certificates()].length} certificates`)

beforeAll(async () => {
  await newTestbed(base, NOW)
  const { key, cert } = box.ca('one')
  chmodSync(key, 0o600)
  const file = join(base, 'brine.toml')
  writeFileSync(
    file,
    `${readFileSync(file, 'utf8')}\n[[ca]]\nid = "one"\nbackend = "file"\n[ca.file]\nca_cert = "${cert}"\nca_key = "${key}"\n[[est.label]]\nname = "device"\nca_id = "one"\nauth = "password"\n`,
  )
  csr = box.request()
  // the next one passes a fifth event of ha/0
  await enrol(base, NOW)
  await enrol(base, NOW)
}, 120_000)
afterAll(() => {
  box.remove()
  rmSync(folder, { recursive: true, force: true })
})

const subjects: readonly Subject[] = [
  {
    name: 'est enroll',
    now: NOW,
    base,
    run: (dir, now) => enrol(dir, now),
    // between request and response history records the request
    state: issued,
    begun: '2 certificates',
    next: async (dir, now) => {
      expect((await enrol(dir, now)).ca).toBe('one')
    },
  },
  {
    name: 'est otp create',
    now: NOW,
    base,
    run: async (dir, now) =>
      createPassword(await quickSession(dir, now), { label: 'device', uses: 1, validSeconds: 3600, note: '' }),
    next: (dir, now) => enrol(dir, now),
  },
  {
    name: 'ha drain',
    now: NOW,
    base,
    run: async (dir, now) => {
      const session = await quickSession(dir, now)
      Object.assign(session.options, { reason: 'a test' })
      return drain(session, 'one', { for: undefined, maintenance: false })
    },
    next: async (dir, now) =>
      createPassword(await quickSession(dir, now), { label: 'device', uses: 1, validSeconds: 3600, note: '' }),
  },
]

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, complaints } = await sweep(subject, KINDS, 8)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
