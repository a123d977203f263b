/** `brine doctor --network`: servers of loopback that answer, refuse and stay silent; without the flag none of them hears anything. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DoctorReport } from '../../../src/core/app/doctor/doctor.js'
import { RawPeer } from '../../support/peers/raw-peer.js'
import { freePort } from '../../support/peers/servers.js'
import { parentResponse, repositoryResponse } from '../../support/peers/setup-files.js'
import { brine, scratchDir } from '../../support/processes/cli.js'
import { NOW, runAt } from '../../support/sites/operator-box.js'

const box = scratchDir()
const dataDir = join(box.path, 'data')
const peer = new RawPeer()
let closed = 0

beforeAll(async () => {
  const port = Number(new URL(await peer.listen()).port)
  closed = await freePort()
  const run = (...args: readonly string[]) => brine(args, { dataDir, now: NOW })
  const bases = ['--rsync', `rsync://127.0.0.1:${port}/repo/`, '--rrdp', `https://127.0.0.1:${closed}/rrdp/`]
  await run('testbed', 'init', '--test', ...bases)
  await run('ca', 'add', 'acme')
  const response = join(box.path, 'response.xml')
  writeFileSync(response, await parentResponse('acme', `http://127.0.0.1:${port}/rfc6492/registry`))
  await run('parent', 'request', 'acme')
  await run('parent', 'add', 'acme', 'registry', '--response', response, '--allow-private')
  writeFileSync(
    response,
    await repositoryResponse('acme', { serviceUri: `http://127.0.0.1:${closed}/rfc8181/registry?token=hidden` }),
  )
  await run('repo', 'request', 'acme')
  await run('repo', 'configure', 'acme', '--response', response, '--allow-private', '--no-sync')
  writeFileSync(
    join(dataDir, 'brine.toml'),
    `[repository]\n[[repository.server]]\nname = "web"\nrsync = "rsync://127.0.0.1:${closed}/repo/"\n`,
  )
}, 60_000)
afterAll(async () => {
  await peer.close()
  box.remove()
})

async function networkOf(...args: readonly string[]): Promise<readonly DoctorReport['checks'][number][]> {
  const ran = await runAt(dataDir, ['doctor', '--json', ...args])
  return ran.json<DoctorReport>().checks.filter(({ check }) => check === 'network')
}

describe('the servers that state and configuration name', () => {
  it('are left alone without the flag', async () => {
    const before = peer.connections
    expect([await networkOf(), peer.connections]).toEqual([[], before])
  })

  it('are connected to with it, and nothing is asked of them', async () => {
    const before = [peer.connections, peer.requests.length]
    const found = await networkOf('--network')
    expect([peer.connections > (before[0] ?? 0), peer.requests.length]).toEqual([true, before[1]])
    expect(found.map(({ level, code, message }) => [level, code, message])).toEqual([
      [
        'warning',
        'server-unreachable',
        `repository of acme: http://127.0.0.1:${closed}/rfc8181/registry refused the connection`,
      ],
      ['warning', 'server-unreachable', `our repository: https://127.0.0.1:${closed}/rrdp/ refused the connection`],
      ...Array.from({ length: found.length - 3 }, () => [
        ...['warning', 'server-unreachable', expect.stringMatching(/^trust anchor ta: .* refused the connection$/)],
      ]),
      [
        'warning',
        'server-unreachable',
        `repository server web: rsync://127.0.0.1:${closed}/repo/ refused the connection`,
      ],
    ])
  })
})
