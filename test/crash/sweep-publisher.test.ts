/**
 * A delta of a publisher elsewhere with failing file operations: it is carried out whole or not at all, and the publisher that sends it again, or
 * lists what there is, comes to the content that it wants. A sample of the cases; all of them with SLOW=1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Instant } from '../../src/core/base/time.js'
import type { PublicationReply } from '../../src/core/protocols/publication/types.js'
import { type ForeignPublisher, foreignPublisher, hashOf } from '../support/peers/publisher.js'
import { KINDS, sweep } from '../support/processes/sweep.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'
import { fastest } from '../support/store/store.js'

const NOW = '2026-11-21T12:30:00Z' as Instant
const folder = mkdtempSync(join(fastest(), 'brine-sweep-publisher-'))
const base = join(folder, 'base')
let pub: ForeignPublisher

beforeAll(async () => {
  await newTestbed(base, '2026-11-21T12:00:00Z')
  pub = await foreignPublisher(await quickSession(base, '2026-11-21T12:10:00Z'), 'pub', 38)
  const first = [pub.put('held.mft', 'held'), pub.put('a/old.roa', 'old')]
  expect(await pub.ask(await quickSession(base, '2026-11-21T12:20:00Z'), first)).toEqual({ type: 'success' })
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const send = async (dir: string, now: string | undefined): Promise<PublicationReply> =>
  pub.ask(await quickSession(dir, now), [
    ...[pub.put('held.mft', 'new', 'held'), pub.drop('a/old.roa', 'old'), pub.put('b/new.roa', 'new')],
  ])

it('a delta is carried out whole or not at all, and heals', async () => {
  const subject = {
    ...{ name: 'rfc8181 delta', now: NOW, base },
    run: async (dir: string, now: string | undefined) => {
      expect(await send(dir, now)).toEqual({ type: 'success' })
    },
    // an answer that was lost: the same delta is sent again, and refused where it was carried out; then a list says what there is
    next: async (dir: string, now: string | undefined) => {
      const again = await send(dir, now)
      if (again.type !== 'success')
        expect(again).toMatchObject({ errors: [{ code: 'no_object_matching_hash' }, {}, {}] })
      expect(await pub.ask(await quickSession(dir, now))).toEqual({
        type: 'list',
        objects: [
          { uri: `${pub.base}b/new.roa`, hash: hashOf('new') },
          { uri: `${pub.base}held.mft`, hash: hashOf('new') },
        ],
      })
      // the content is right in either case, and the next change is possible
      expect(await pub.ask(await quickSession(dir, now), [pub.put('c.roa', 'sea')])).toEqual({ type: 'success' })
    },
  }
  const { operations, complaints } = await sweep(subject, KINDS, 12)
  expect(complaints).toEqual([])
  expect(operations.length).toBeGreaterThan(10)
}, 7_200_000)
