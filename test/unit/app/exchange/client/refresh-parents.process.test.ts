/** `parent refresh` of a CA with parents at two hosts: the hosts in parallel, one message at a time to each, and one that is down is asked once. */
import { afterAll, beforeEach, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { configureLocalRepository } from '../../../../../src/core/app/authority/parents.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParents } from '../../../../../src/core/app/exchange/client/refresh-parents.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { TA_HANDLE } from '../../../../../src/core/app/session/context.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  childRequest,
  KID,
  newDirectories,
  RESOURCES,
  type TwoDirectories,
} from '../../../../support/sites/two-directories.js'

const scratch = scratchFolder('refresh-parents')
const HOSTS = { ant: 'one.example.net', bee: 'two.example.net', cow: 'two.example.net' } as const
let count = 0
let now: Instant
let two: TwoDirectories
let sent: string[]
/** What happens to a message to a parent before it reaches it. */
let onSend: (peer: string) => Promise<void>

afterAll(() => scratch.remove())

beforeEach(async () => {
  count += 1
  now = '2026-11-21T12:00:00Z' as Instant
  sent = []
  onSend = async () => undefined
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  await configureLocalRepository(await two.here(), KID)
  for (const [name, host] of Object.entries(HOSTS)) {
    const parent = parseHandle(name)
    await addCa(await two.there(), parent, { parent: TA_HANDLE, resources: RESOURCES })
    const child = {
      child: KID,
      resources: RESOURCES,
      request: await childRequest(two),
      serviceBase: `https://${host}/`,
    }
    const { response } = await addRemoteChild(await two.there(), parent, child)
    await addRemoteParent(await two.here(), KID, parent, { response: Buffer.from(response ?? ''), permissions: {} })
  }
})

const deliver: Deliver = async ({ to, peer, seal, open: read }) => {
  const cms = await seal(now)
  sent.push(peer)
  await onSend(peer)
  return read(await two.answer(to.serviceUri, cms))
}

async function refresh() {
  now = addSeconds(now, 60)
  return refreshParents(await two.here(), KID, undefined, { deliver })
}

test('an answer that is late keeps no other host waiting, and rows have the order of the names', async () => {
  let release = (): void => undefined
  const asked = new Promise<void>((resolve) => {
    release = resolve
  })
  onSend = async (peer) => {
    if (peer === 'cow') release()
    if (peer === 'ant') await asked
  }
  const report = await refresh()
  expect(report.parents.map(({ parent }) => parent)).toEqual(['ant', 'bee', 'cow'])
  expect(report.failed).toEqual([])
}, 120_000)

test('a host that is down is asked once, and the other hosts are refreshed', async () => {
  onSend = async (peer) => {
    if (peer !== 'ant') throw new AppError('remote', 'peer-unreachable', 'no route')
  }
  const { parents, failed } = await refresh()
  expect(sent.filter((peer) => peer !== 'ant')).toEqual(['bee'])
  expect(parents.map(({ parent }) => parent)).toEqual(['ant'])
  expect(failed).toEqual([
    { parent: 'bee', code: 'peer-unreachable', message: 'no route' },
    { parent: 'cow', code: 'peer-host-down', message: 'not asked, as its host is down: no route' },
  ])
})

test('a host that another process is talking to is not called down', async () => {
  onSend = async (peer) => {
    if (peer !== 'ant') throw new AppError('locked', 'peer-host-busy', 'another process asks it')
  }
  expect((await refresh()).failed.map(({ message }) => message)).toEqual([
    'another process asks it',
    'not asked, as its host is busy: another process asks it',
  ])
})

test('what is no failure of a peer ends the command, after the other hosts', async () => {
  onSend = async (peer) => {
    if (peer === 'bee') throw new AppError('io', 'disk-full', 'the disk is full')
  }
  await expect(refresh()).rejects.toMatchObject({ kind: 'io', message: 'the disk is full' })
  // the list, and the request for the certificate
  expect(sent.sort()).toEqual(['ant', 'ant', 'bee'])
})
