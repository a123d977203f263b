/**
 * An enrolment killed in each of its phases: nothing is stuck beyond its deadline, no certificate is lost, and none is issued twice unless
 * somebody says so.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import type { CaPeer } from '../../support/peers/ca-peer.js'
import { cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { copyDir } from '../../support/processes/cli.js'
import { type FaultRunner, faultRunner, type NamedFault } from '../../support/processes/faults.js'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

/** Seconds after which nobody waits for an answer: `attempt_timeout`, and a while to write it down. */
const DEADLINE = 30 + 10
const site = new EnrolSite()
let pristine = ''
let faults: FaultRunner
let peer: CaPeer
let begun = 0

beforeAll(async () => {
  await site.init()
  const files = site.peerFiles('remote')
  const profile = BUILT_IN_PROFILES.find(({ name }) => name === 'deviceCert')
  if (profile === undefined) throw new Error('no profile')
  peer = cfsslPeer(files, profile)
  const cas = site.remoteCa('remote', 'cfssl', await peer.listen(), files) + site.fileCa('here')
  site.configure(cas + group('remote', ['remote']) + group('here', ['here']))
  faults = await faultRunner(site.box.dir)
  pristine = site.box.path('pristine')
  mkdirSync(pristine)
  copyDir(site.data, pristine)
  begun = site.now
})
afterAll(async () => {
  await peer.close()
  site.remove()
})
beforeEach(() => {
  rmSync(site.data, { recursive: true })
  mkdirSync(site.data)
  copyDir(pristine, site.data)
  site.now = begun
  peer.knob = undefined
  peer.requests = 0
})

const serials = async (): Promise<readonly string[]> =>
  (await site.brine('est', 'cert', 'list', '--json'))
    .json<{ certificates: { serial: string }[] }>()
    .certificates.map(({ serial }) => serial)

/** Dies before an operation on the disk, or so many after it. */
async function killedAt(label: string, csr: string, at: string, after = 0): Promise<void> {
  const fault: NamedFault = { kind: 'kill', at, after }
  const where = { dataDir: site.data, now: site.instant }
  expect((await faults.run(['est', 'enroll', label, '--csr', csr], where, fault)).signal).toBe('SIGKILL')
}

/** Dies while the CA has the request. */
async function killedAsking(label: string, csr: string): Promise<void> {
  peer.knob = 'hang'
  const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), BRINE_DATA_DIR: site.data, BRINE_NOW: site.instant }
  const bin = join(import.meta.dirname, '../../../bin/run.js')
  const child = spawn(process.execPath, [bin, 'est', 'enroll', label, '--csr', csr], { env, stdio: 'ignore' })
  const gone = new Promise((resolve) => child.once('close', resolve))
  while (peer.requests === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGKILL')
  await gone
  peer.knob = undefined
}

/** The id of the request that stands in the way of the same one. */
async function waiting(label: string, csr: string): Promise<string> {
  const again = await site.enrolFile(label, csr)
  expect([again.code, again.error]).toEqual([1, 'est-request-running'])
  return /request (\w+)/.exec(again.message)?.[1] ?? ''
}

const BETWEEN: readonly (readonly [string, string, number])[] = [
  ['after the question was recorded and before it was sent', 'link /commits/1.json', 1],
  ['after the answer and before its record', 'link /ha/0/event-1.json', 0],
  ['during the record', 'link /est/0/command-2.json', 0],
  ['just before the record counts', 'link /commits/2.json', 0],
]

describe.each(['here', 'remote'])('an enrolment (%s) killed', (label) => {
  it('before its question is recorded has never been', async () => {
    const csr = site.request()
    await killedAt(label, csr, 'link /commits/1.json')
    expect([await serials(), peer.requests]).toEqual([[], 0])
    expect((await site.enrolFile(label, csr)).code).toBe(0)
    expect((await site.brine('audit', 'verify')).code).toBe(0)
  })

  it('after its record has its certificate', async () => {
    const csr = site.request()
    await killedAt(label, csr, 'link /commits/2.json', 1)
    const [serial, ...more] = await serials()
    expect(more).toEqual([])
    const shown = await site.brine('est', 'cert', 'show', serial ?? '')
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('BEGIN CERTIFICATE')])
    // nothing is open: who asks again gets another one, and history knows both
    expect((await site.enrolFile(label, csr)).code).toBe(0)
    expect(await serials()).toHaveLength(2)
    expect((await site.brine('audit', 'verify')).code).toBe(0)
  })
})

describe('an enrolment at a CA whose key is here, killed', () => {
  it.each(BETWEEN)('%s is asked for anew once its time is over', async (_, at, after) => {
    const csr = site.request()
    await killedAt('here', csr, at, after)
    expect(await serials()).toEqual([])
    const id = await waiting('here', csr)
    expect((await site.brine('est', 'status', id)).code).toBe(17)
    site.now += DEADLINE + 5
    const status = await site.brine('est', 'status', id)
    expect([status.code, status.stderr]).toEqual([2, expect.stringContaining('or it has failed')])
    const again = await site.enrolFile('here', csr)
    expect([again.code, again.asked]).toEqual([0, ['here ok']])
    expect([await serials(), (await site.brine('audit', 'verify')).code]).toEqual([[expect.any(String)], 0])
  })
})

describe('an enrolment at a CA elsewhere, killed', () => {
  const kills: readonly (readonly [string, (csr: string) => Promise<void>])[] = [
    ...BETWEEN.map(([title, at, after]) => [title, (csr: string) => killedAt('remote', csr, at, after)] as const),
    ['while the CA answers', (csr) => killedAsking('remote', csr)],
  ]

  it.each(kills)('%s may have been served: nothing is issued twice unless somebody says so', async (_, kill) => {
    const csr = site.request()
    await kill(csr)
    const asked = peer.requests
    expect(await serials()).toEqual([])
    const id = await waiting('remote', csr)
    expect((await site.brine('est', 'status', id)).code).toBe(17)
    site.now += DEADLINE + 5
    const status = await site.brine('est', 'status', id, '--json')
    expect([status.code, status.json<{ status: string }>().status]).toEqual([18, 'unknown'])
    const again = await site.enrolFile('remote', csr)
    expect([again.code, again.error, peer.requests]).toEqual([1, 'est-request-open', asked])
    // the same holds ever after, and for nobody else
    site.now += 86_400
    expect((await site.enrolFile('remote', csr)).error).toBe('est-request-open')
    expect((await site.enrol('remote')).code).toBe(0)
    expect((await site.enrolFile('remote', csr, '--allow-duplicate')).code).toBe(0)
    // the first request is given up, for good and for all to see
    const given = (await site.brine('history', 'show', 'est/0', '7')).stdout
    expect([given, given]).toEqual([expect.stringContaining(id), expect.stringContaining('superseded')])
    expect([(await serials()).length, (await site.brine('audit', 'verify')).code]).toEqual([2, 0])
    expect((await site.status('remote')).members[0]?.state).toBe('healthy')
  })
})
