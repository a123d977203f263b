/** Many processes that enrol at the same time: shares are exact, nothing is lost, and a CA that is half open is asked once. */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import { throwawayRequest } from '../../../src/core/pki/throwaway-request.js'
import type { CaPeer } from '../../support/peers/ca-peer.js'
import { cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { isSlow } from '../../support/processes/sample.js'
import { counted, EnrolSite, group, issuerOf, type Outcome } from '../../support/sites/enrol-site.js'

/** 200 with SLOW=1. */
const SHARED = isSlow ? 200 : 30
const EVEN = SHARED
const PROCESSES = 8
const site = new EnrolSite()
const frail = new EnrolSite()
let requests: readonly string[] = []
let peer: CaPeer

beforeAll(async () => {
  site.isRealTime = true
  await site.init()
  const cas = ['one', 'two', 'three'].map((id) => site.fileCa(id)).join('')
  const even = group('even', ['one', 'two', 'three'], 'strategy = "round-robin"\n')
  const shares = group('shares', ['one', 'two'], 'strategy = "weighted"\nweights = { "one" = 80, "two" = 20 }\n')
  site.configure(`${cas}${even}${shares}`)
  requests = Array.from({ length: SHARED }, (_, n) => {
    const path = site.box.path(`race-${n}.csr`)
    writeFileSync(path, throwawayRequest(`device-${n}`))
    return path
  })
  await frail.init()
  const files = frail.peerFiles('frail')
  const profile = BUILT_IN_PROFILES.find(({ name }) => name === 'deviceCert')
  if (profile === undefined) throw new Error('no profile')
  peer = cfsslPeer(files, profile)
  // the clock of a fixed present goes on by a second a commit: no time may run out while forty processes write theirs
  const patience =
    'check_interval = "200s"\ncheck_timeout = "100s"\nattempt_timeout = "300s"\nrequest_deadline = "600s"\nrecovery_timeout = "600s"\n'
  const both = `${frail.remoteCa('frail', 'cfssl', await peer.listen(), files)}${frail.fileCa('steady')}`
  frail.configure(`[ha]\n${patience}${both}${group('pair', ['frail', 'steady'])}${group('alone', ['frail'])}`)
}, 120_000)
afterAll(async () => {
  await peer.close()
  site.remove()
  frail.remove()
})

/** So many requests for each label, by several processes at a time that take one of this and one of that. */
async function enrolAll(labels: { readonly shares: number; readonly even: number }) {
  const done: { shares: Outcome[]; even: Outcome[] } = { shares: [], even: [] }
  const left = { ...labels }
  const client = async (n: number): Promise<void> => {
    for (let turn = n; left.shares + left.even > 0; turn++) {
      const label = (turn % 2 === 0 && left.even > 0) || left.shares === 0 ? 'even' : 'shares'
      left[label] -= 1
      done[label].push(await site.enrolFile(label, requests[left[label]] ?? ''))
    }
  }
  await Promise.all(Array.from({ length: PROCESSES }, async (_, n) => client(n)))
  return done
}

/** What was handed out is what history has, each certificate once, and every one of them holds. */
async function expectNoneLost(label: string, done: readonly Outcome[]): Promise<void> {
  const list = await site.brine('est', 'cert', 'list', '--label', label, '--json')
  const { certificates } = list.json<{ certificates: { id: string; ca: string; serial: string }[] }>()
  const handedOut = done.map(({ id, ca, run }) => `${id} ${ca} ${run.json<{ serial: string }>().serial}`)
  expect(certificates.map(({ id, ca, serial }) => `${id} ${ca} ${serial}`).sort()).toEqual(handedOut.sort())
  expect(new Set(certificates.map(({ serial }) => serial)).size).toBe(done.length)
  await site.verify(
    label,
    done.map(({ pem }) => pem),
  )
}

it(`${SHARED + EVEN} enrolments by ${PROCESSES} processes are shared to the last one, none is lost, and replay knows them all`, async () => {
  const { shares, even } = await enrolAll({ shares: SHARED, even: EVEN })
  expect(counted(shares.map(issuerOf))).toEqual({ one: 0.8 * SHARED, two: 0.2 * SHARED })
  const each = Object.values(counted(even.map(issuerOf)))
  expect([each.length, Math.max(...each) - Math.min(...each) <= 1]).toEqual([3, true])
  await expectNoneLost('shares', shares)
  await expectNoneLost('even', even)
  expect((await site.brine('audit', 'verify')).code).toBe(0)
  expect((await site.status('even')).members.map(({ state }) => state)).toEqual(['healthy', 'healthy', 'healthy'])
}, 240_000)

/** Resolves when all but one of these have ended. */
async function allButOne(runs: readonly Promise<unknown>[]): Promise<void> {
  let left = runs.length - 1
  await new Promise<void>((resolve) => {
    for (const run of runs)
      void run.finally(() => {
        left -= 1
        if (left === 0) resolve()
      })
  })
}

it('a CA that is half open is asked once by ten enrolments and ten probes', async () => {
  peer.knob = 'html-500'
  for (let n = 0; n < 3; n++) {
    await frail.brine('ha', 'probe', 'frail')
    frail.now += 200
  }
  const { state, openUntil } = await frail.member('frail')
  expect([state, peer.requests]).toEqual(['circuit-open', 3])
  frail.moveTo(openUntil)
  // the one that asks gets its answer when every other process has ended
  const files = Array.from({ length: 10 }, () => frail.request())
  let open = (): void => undefined
  peer.gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const probes = Array.from({ length: 10 }, async () => frail.brine('ha', 'probe', 'frail'))
  const enrolments = files.map(async (csr, n) => frail.enrolFile(n < 5 ? 'pair' : 'alone', csr))
  await allButOne([...probes, ...enrolments])
  open()
  const served = await Promise.all(enrolments)
  expect((await Promise.all(probes)).map(({ code }) => code)).toEqual(probes.map(() => 0))
  expect(peer.requests).toBe(4)
  expect(counted(served.slice(0, 5).map(issuerOf))).toEqual({ steady: 5 })
  expect(counted(served.slice(5).map(({ code, error }) => `${code} ${error}`))).toEqual({ '16 est-unavailable': 5 })
  const after = await frail.member('frail')
  expect([after.state, after.backoffLevel]).toEqual(['circuit-open', 1])
  expect((await frail.brine('audit', 'verify')).code).toBe(0)
}, 120_000)
