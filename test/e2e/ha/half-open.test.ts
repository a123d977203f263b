/** A CA that is down, asked by many processes at the instant when its circuit may be probed, and by one that is killed while it asks. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { HaStatusReport, MemberStatus } from '../../../src/core/app/failover/status.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { runBrine } from '../../support/processes/cli.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-half-open-'))
const data = join(base, 'data')
const open = new Set<Socket>()
let asked = 0
/** Keeps who asks waiting, instead of breaking the connection off. */
let holds = false
const server = createServer((socket) => {
  asked += 1
  open.add(socket)
  socket.on('error', () => undefined)
  if (!holds) socket.destroy()
})

let now = Math.floor(Date.now() / 1000) + 60
const instant = (): string => new Date(now * 1000).toISOString().replace('.000', '')
const brine = (...args: readonly string[]) => runBrine(args, { dataDir: data, now: instant() })
const member = async (): Promise<MemberStatus> => {
  const [group] = (await brine('ha', 'status', '--json')).json<HaStatusReport>().groups
  if (group?.members[0] === undefined) throw new Error('no member')
  return group.members[0]
}

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { cert } = box.ca('down')
  await brine('init', '--test')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ca = `[[ca]]\nid = "down"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "${url}"\nca_cert = "${cert}"\n`
  writeFileSync(join(data, 'brine.toml'), ca)
  for (let n = 0; n < 3; n++) {
    await brine('ha', 'probe')
    now += 11
  }
}, 30_000)
afterAll(() => {
  for (const socket of open) socket.destroy()
  server.close()
  box.remove()
  rmSync(base, { recursive: true, force: true })
})

it('is not asked before its time, and once by twenty processes then', async () => {
  expect([(await member()).state, asked]).toEqual(['circuit-open', 3])
  await brine('ha', 'probe', '--now')
  expect(asked).toBe(3)
  now += 70
  const runs = await Promise.all(Array.from({ length: 20 }, async () => brine('ha', 'probe')))
  expect(runs.map((run) => run.code)).toEqual(Array.from({ length: 20 }, () => 0))
  expect(asked).toBe(4)
  const { state, backoffLevel } = await member()
  expect([state, backoffLevel]).toEqual(['circuit-open', 1])
}, 60_000)

it('is asked again as soon as the lease of a killed process has run out', async () => {
  now += 200
  holds = true
  const before = asked
  const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), BRINE_DATA_DIR: data, BRINE_NOW: instant() }
  const bin = join(import.meta.dirname, '../../../bin/run.js')
  const child = spawn(process.execPath, [bin, 'ha', 'probe'], { env, stdio: 'ignore' })
  while (asked === before) await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('close', resolve))
  holds = false
  expect((await member()).state).toBe('recovering')
  await brine('ha', 'probe')
  expect(asked).toBe(before + 1)
  now += 16
  await brine('ha', 'probe')
  expect([asked, (await member()).state]).toEqual([before + 2, 'circuit-open'])
  expect((await brine('audit', 'verify')).code).toBe(0)
}, 60_000)
