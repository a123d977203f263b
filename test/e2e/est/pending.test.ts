/** A request that somebody at the CA has to decide: it stays with its CA, is asked for again, and becomes a certificate or nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EnrolledDocument } from '../../../src/core/app/enrolment/documents.js'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import { peerFiles } from '../../support/peers/ca-peer.js'
import { DogtagPeer } from '../../support/peers/dogtag-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { runBrine } from '../../support/processes/cli.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-pending-'))
const data = join(base, 'data')
const file = (name: string): string => join(base, name)
const brine = (...args: readonly string[]) => runBrine(args, { dataDir: data })
let peer: DogtagPeer

beforeAll(async () => {
  const files = peerFiles(box, 'main')
  const profile = BUILT_IN_PROFILES.find(({ name }) => name === 'deviceCert')
  if (profile === undefined) throw new Error('no profile')
  peer = new DogtagPeer(files, profile)
  await runBrine(['init'], { dataDir: data })
  const url = await peer.server.listen()
  const { key, cert } = box.ca('spare')
  writeFileSync(
    join(data, 'brine.toml'),
    `[[ca]]
id = "main"
backend = "dogtag"
[ca.dogtag]
url = "${url}"
ca_cert = "${files.ca.cert}"
tls_ca = "${files.tlsCa}"
auth_cert = "${files.client.cert}"
auth_key = "${files.client.key}"
profile = "caManual"
[[ca]]
id = "spare"
backend = "file"
[ca.file]
ca_cert = "${cert}"
ca_key = "${key}"
[[ha.group]]
name = "g"
ca_ids = ["main", "spare"]
[[est.label]]
name = "device"
ca_id = "main"
profile = "deviceCert"
`,
  )
  for (const name of ['a', 'b']) writeFileSync(file(`${name}.csr`), box.request({ subject: `/CN=${name}` }))
}, 60_000)
afterAll(async () => {
  await peer.server.close()
  box.remove()
  rmSync(base, { recursive: true, force: true })
})

it('tells 17 with its id, is not asked for twice, and is fetched by the same command once it is approved', async () => {
  const enroll = () => brine('est', 'enroll', 'device', '--csr', file('a.csr'), '--json')
  const first = await enroll()
  expect(first.code, first.stdout).toBe(17)
  const { error } = first.json<{ error: { details: { id: string }; changed: string; retryAfter: number } }>()
  expect(error).toMatchObject({ code: 'est-pending', changed: 'yes', retryAfter: expect.any(Number) })
  expect((await enroll()).code).toBe(17)
  expect(peer.requests.length).toBe(1)
  const status = () => brine('est', 'status', error.details.id, '--json')
  expect(await status()).toMatchObject({ code: 17 })
  const listed = (await brine('est', 'status', '--json')).json<{ requests: unknown[] }>()
  expect(listed.requests).toEqual([expect.objectContaining({ id: error.details.id, status: 'pending', ca: 'main' })])
  await peer.approve(0)
  const done = (await enroll()).json<EnrolledDocument>()
  expect(done).toMatchObject({ id: error.details.id, ca: 'main', failover: false })
  expect((await status()).json()).toMatchObject({ status: 'issued', serial: done.serial })
  expect(peer.requests.length).toBe(1)
  expect((await brine('ha', 'status', '--json')).json()).toMatchObject({ groups: [{ next: 'main' }] })
})

it('that is refused in the end has no certificate, and says so', async () => {
  const first = await brine('est', 'enroll', 'device', '--csr', file('b.csr'), '--json')
  const { id } = first.json<{ error: { details: { id: string } } }>().error.details
  const held = peer.requests[1]
  if (held === undefined) throw new Error('no request')
  held.status = 'rejected'
  const refused = await brine('est', 'status', id)
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('main refused request')])
  expect((await brine('est', 'status', id)).code).toBe(2)
  expect((await brine('history', 'list', 'est/0')).stdout).toContain('request.end')
})
