/**
 * Messages between two data directories for sweeps: `client` and `server` below one folder, of which one fails while the other goes on; and
 * what must hold at the end, whatever failed.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { roaArguments } from '../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../src/core/app/authority/roas.js'
import { type Deliver, deliverByHttp } from '../../../src/core/app/exchange/client/deliver.js'
import { refreshParent } from '../../../src/core/app/exchange/client/refresh-parent.js'
import { syncRepository } from '../../../src/core/app/exchange/client/sync-repository.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { recover } from '../../../src/core/app/recovery/recover.js'
import type { Session } from '../../../src/core/app/session/session.js'
import type { Send } from '../../../src/core/peers/message.js'
import { isDead } from '../processes/sweep.js'
import { atDirectories, KID, TESTBED, type TwoDirectories, UP } from './two-directories.js'

/** Returns the two directories below a folder at a time. */
export const directoriesIn = (folder: string, now: string | undefined): TwoDirectories =>
  atDirectories({ server: join(folder, 'server'), client: join(folder, 'client') }, () => now)

/** Delivers as HTTP does; a command that was killed sends nothing more. */
export const sendTo =
  (two: TwoDirectories): Send =>
  async ({ uri, body }) => {
    if (isDead()) throw new Error('this process is dead')
    return { body: await two.answer(uri, body), peerTime: null }
  }

export const deliverTo = (session: Session, two: TwoDirectories, send = sendTo(two)): Deliver =>
  deliverByHttp(session, 'brine/test', send)

export async function refresh(two: TwoDirectories, send = sendTo(two)) {
  const session = await two.here()
  return refreshParent(session, KID, UP, { deliver: deliverTo(session, two, send) })
}

export async function sync(two: TwoDirectories, send = sendTo(two)) {
  const session = await two.here()
  return syncRepository(session, KID, { deliver: deliverTo(session, two, send) })
}

export const addRoa = async (two: TwoDirectories, roa = '10.0.0.0/24 => 64496') =>
  updateRoas(await two.here(), KID, roaArguments({ add: [roa] }))

export const keysOf = async (two: TwoDirectories) => (await two.stateHere(KID)).classes['0']?.keys ?? []
export const issuedBy = async (two: TwoDirectories) => (await two.stateThere(TESTBED)).children[KID]?.issued ?? {}

/** Returns the names of what is served for a publisher; one that publishes nothing has no folder. */
export function servedFiles(dataDir: string, publisher: string): readonly string[] {
  const root = join(dataDir, 'repo/rsync/current', publisher)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name))
}

export async function expectAudited(two: TwoDirectories): Promise<void> {
  for (const session of [await two.here(), await two.there()]) {
    const { problems, aggregates } = await auditVerify(session, { full: true })
    expect([...problems, ...aggregates.flatMap((one) => one.problems)]).toEqual([])
  }
}

/** Expects one key, certified once, with its files and the ROAs of the CA published. */
export async function expectOneCertificate(two: TwoDirectories, roas: number): Promise<void> {
  const [key, ...more] = await keysOf(two)
  expect([key?.state, more]).toEqual(['current', []])
  const { sha256 } = key?.certificate ?? {}
  const issued = Object.values(await issuedBy(two)).map((c) => [c.ski, c.sha256])
  expect(issued).toEqual([[key?.ski, sha256]])
  expect(servedFiles(two.server, 'testbed').filter((name) => name.endsWith('.cer'))).toEqual([`0/${key?.ski}.cer`])
  const served = servedFiles(two.client, 'kid')
  expect(served.filter((name) => /\.(mft|crl)$/.test(name)).sort()).toEqual([`0/${key?.ski}.crl`, `0/${key?.ski}.mft`])
  expect(served.filter((name) => name.endsWith('.roa'))).toHaveLength(roas)
  await expectAudited(two)
}

/** Ends what a fault has left, as an operator does. */
export async function finish(two: TwoDirectories, roas: number): Promise<void> {
  await recover(await two.here(), { permit: 'anything' })
  const { requests } = await refresh(two)
  expect(requests.filter(({ outcome }) => !/^(issued|revoked)$/.test(outcome))).toEqual([])
  expect(await refresh(two)).toMatchObject({ changed: false, requests: [] })
  await expectOneCertificate(two, roas)
}
