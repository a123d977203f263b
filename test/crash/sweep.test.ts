/**
 * Commands that change something, with failing file operations: all or nothing, their report is true, the next command succeeds, and
 * history is complete. A sample of the cases; all of them with SLOW=1.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { updateAspas } from '../../src/core/app/authority/aspas.js'
import { addCa, removeCa } from '../../src/core/app/authority/cas.js'
import { updateChild } from '../../src/core/app/authority/children.js'
import { activateKeyroll, initKeyroll, keyrollStatus } from '../../src/core/app/authority/keyroll.js'
import { syncRepository } from '../../src/core/app/authority/repo-sync.js'
import { resourcesOf } from '../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { updateRouters } from '../../src/core/app/authority/routers.js'
import { applyPlan } from '../../src/core/app/desired-state/apply.js'
import { planState } from '../../src/core/app/desired-state/plan.js'
import { destroyRetired } from '../../src/core/app/operations/tick-keys.js'
import { initAuditKey } from '../../src/core/app/proof/checkpoint.js'
import { recover } from '../../src/core/app/recovery/recover.js'
import { republish } from '../../src/core/app/republishing/republish.js'
import { NOTHING_ACCEPTED } from '../../src/core/app/safety/review.js'
import { parseHandle } from '../../src/core/base/handle.js'
import type { Instant } from '../../src/core/base/time.js'
import { readState } from '../../src/core/desired-state/read.js'
import { onFileOperation } from '../../src/core/store/disk/io-error.js'
import { copyDir } from '../support/processes/cli.js'
import { DAMAGED, KINDS, logical, type Subject, sweep } from '../support/processes/sweep.js'
import { routerRequest } from '../support/rpki/router-requests.js'
import { newTestbed, quickSession } from '../support/sites/testbed.js'

const NOW = '2026-01-01T00:00:00Z'
const LATER = '2026-01-02T00:00:00Z'
const TESTBED = parseHandle('testbed')
const ACME = parseHandle('acme')
const folder = mkdtempSync(join(tmpdir(), 'brine-sweep-base-'))
const base = join(folder, 'base')
/** Its published tree lacks a ROA. */
const lagging = join(folder, 'lagging')
/** Its CA `acme` has a staged key that tick activates after an hour. */
const staged = join(folder, 'staged')
/** Its CA `acme` has one ROA that is removed, and another that is added, after an hour. */
const dated = join(folder, 'dated')
/** Its CA `acme` has a retired key that tick destroys after a day. */
const retired = join(folder, 'retired')
/** Its newest event is missing. */
const damaged = join(folder, 'damaged')

const addRoa = async (dir: string, now: string | undefined, ca: typeof ACME, text: string) =>
  updateRoas(await quickSession(dir, now), ca, roaArguments({ add: [text] }), {})

beforeAll(async () => {
  await newTestbed(base, NOW)
  await addCa(await quickSession(base, NOW), ACME, { parent: TESTBED, resources: resourcesOf('10.0.0.0/8') })
  // the next change passes a fifth event
  await addRoa(base, NOW, ACME, '10.0.0.0/24 => 64496')
  copyDir(base, lagging)
  await addRoa(lagging, NOW, ACME, '10.0.1.0/24 => 64496')
  rmSync(join(lagging, 'repo'), { recursive: true })
  copyDir(join(base, 'repo'), join(lagging, 'repo'))
  copyDir(base, staged)
  await initKeyroll(await quickSession(staged, NOW), ACME, { className: null, activateAfter: 3600, compromised: false })
  copyDir(base, dated)
  await updateRoas(
    await quickSession(dated, NOW),
    ACME,
    roaArguments({ add: ['10.0.2.0/24 => 64496'], remove: ['10.0.0.0/24 => 64496'] }),
    { dates: { from: '2026-01-01T01:00:00Z' as Instant } },
  )
  copyDir(base, retired)
  await initKeyroll(await quickSession(retired, NOW), ACME, { className: null, activateAfter: null, compromised: true })
  copyDir(base, damaged)
  const events = readdirSync(join(damaged, 'cas/acme')).filter((name) => /^event-\d+\.json$/.test(name))
  truncateSync(join(damaged, `cas/acme/event-${events.length - 1}.json`), 100)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const roas = (count: number) => Array.from({ length: count }, (_, n) => `10.3.${n}.0/24 => ${64500 + n}`)
const updateAcme = async (dir: string, now: string | undefined, lists: Parameters<typeof roaArguments>[0]) =>
  updateRoas(await quickSession(dir, now), ACME, roaArguments(lists), {})
const next: Subject['next'] = (dir, now) => addRoa(dir, now, TESTBED, '192.0.2.0/24 => 64511')

async function recoverState(dir: string, now: string | undefined): Promise<string> {
  const { changed } = await recover(await quickSession(dir, now), { dryRun: true })
  return changed ? DAMAGED : logical(dir, now)
}

const ROUTER_CSR = routerRequest()

const subjects: readonly Subject[] = [
  {
    name: 'roa add',
    now: NOW,
    base,
    next,
    run: (dir, now) => addRoa(dir, now, ACME, '10.1.0.0/24 => 64497'),
  },
  {
    name: 'ca add',
    now: NOW,
    base,
    next,
    run: async (dir, now) =>
      addCa(await quickSession(dir, now), parseHandle('second'), {
        parent: ACME,
        resources: resourcesOf('10.2.0.0/16'),
      }),
  },
  {
    name: 'apply',
    now: NOW,
    base,
    next,
    run: async (dir, now) => {
      const parents = '{ handle = "testbed", resources = "10.0.0.0/8, 192.0.2.0/24" }'
      const file = await readState(
        `format = 1\n[[ca]]\nhandle = "acme"\nparents = [${parents}]\nroas = ["10.1.0.0/24 => 1", "192.0.2.0/24 => 2"]\n`,
        'state.toml',
      )
      const session = await quickSession(dir, now)
      return applyPlan(session, file, await planState(session, file, true, { safety: NOTHING_ACCEPTED }))
    },
  },
  {
    name: 'child update',
    now: NOW,
    base,
    next,
    run: async (dir, now) => updateChild(await quickSession(dir, now), TESTBED, ACME, () => resourcesOf('10.1.0.0/16')),
  },
  {
    name: 'republish',
    now: LATER,
    base,
    next,
    run: async (dir, now) => republish(await quickSession(dir, now)),
  },
  {
    name: 'roa update',
    now: NOW,
    base,
    next,
    run: (dir, now) => updateAcme(dir, now, { add: roas(6), remove: ['10.0.0.0/24 => 64496'] }),
  },
  {
    // so many that they are staged while keys are generated
    name: 'roa update of many',
    now: NOW,
    base,
    next,
    run: (dir, now) => updateAcme(dir, now, { add: roas(33) }),
  },
  {
    name: 'aspa update',
    now: NOW,
    base,
    next,
    run: async (dir, now) =>
      updateAspas(await quickSession(dir, now), TESTBED, {
        add: [{ payload: { customer: 64496, providers: [64497] }, comment: null }],
      }),
  },
  {
    name: 'router add',
    now: NOW,
    base,
    next,
    run: async (dir, now) =>
      updateRouters(await quickSession(dir, now), TESTBED, { add: [{ asn: 64496, csr: ROUTER_CSR }] }),
  },
  {
    name: 'ca remove',
    now: NOW,
    base,
    next,
    run: async (dir, now) => removeCa(await quickSession(dir, now), ACME),
  },
  {
    name: 'keyroll init',
    now: NOW,
    base,
    next,
    run: async (dir, now) =>
      initKeyroll(await quickSession(dir, now), ACME, { className: null, activateAfter: null, compromised: false }),
  },
  {
    name: 'keyroll activate',
    now: NOW,
    base: staged,
    next,
    run: async (dir, now) =>
      activateKeyroll(await quickSession(dir, now), ACME, { className: null, now: true, compromised: false }),
  },
  {
    name: 'keyroll by republish',
    now: '2026-01-01T01:00:10Z',
    base: staged,
    next,
    run: async (dir, now) => republish(await quickSession(dir, now)),
  },
  {
    name: 'dates of ROAs',
    now: '2026-01-01T01:00:10Z',
    base: dated,
    next,
    run: async (dir, now) => republish(await quickSession(dir, now), { applyDates: true }),
  },
  {
    name: 'destruction of a retired key',
    now: '2026-01-02T00:00:10Z',
    base: retired,
    next,
    run: async (dir, now) => {
      const session = await quickSession(dir, now)
      return destroyRetired(session, (await keyrollStatus(session, ACME)).retired)
    },
    state: async (dir, now) => JSON.stringify((await keyrollStatus(await quickSession(dir, now), ACME)).retired.length),
  },
  {
    name: 'repo sync',
    now: NOW,
    base: lagging,
    run: async (dir, now) => syncRepository(await quickSession(dir, now), ACME),
    state: async (dir, now) => `${await logical(dir, now)}, serial ${servedSerial(dir)}`,
    async next(dir, now) {
      expect(await syncRepository(await quickSession(dir, now), ACME)).toMatchObject({ changed: false })
      await next(dir, now)
    },
  },
  {
    name: 'recover',
    now: NOW,
    base: damaged,
    run: async (dir, now) => recover(await quickSession(dir, now), { permit: 'anything' }),
    state: recoverState,
    begun: DAMAGED,
    half: /^[0-9a-f]{64}$/,
    async next(dir, now) {
      await recover(await quickSession(dir, now), { permit: 'anything' })
      expect(await recoverState(dir, now)).not.toBe(DAMAGED)
      await next(dir, now)
    },
  },
  {
    name: 'audit key init',
    now: NOW,
    base,
    run: async (dir, now) => initAuditKey(await quickSession(dir, now), { dryRun: false }),
    state: async (dir, now) =>
      `${await logical(dir, now)}, ${existsSync(join(dir, 'keys/audit')) ? 'a key' : 'no key'}`,
    async next(dir, now) {
      const synced: string[] = []
      onFileOperation((operation, path) => operation === 'syncDir' && synced.push(path.slice(dir.length)))
      const made = await initAuditKey(await quickSession(dir, now), { dryRun: false })
      onFileOperation(undefined)
      // whether created now or by a command that died: the printed verifier key stays valid
      expect(synced).toContain('/keys')
      expect(made.verifierKey).toMatch(/^brine/)
      expect(await initAuditKey(await quickSession(dir, now), { dryRun: false })).toEqual({ ...made, changed: false })
      await next(dir, now)
    },
  },
]

function servedSerial(dir: string): string {
  const notification = readFileSync(join(dir, 'repo/rrdp/notification.xml'), 'utf8')
  return /serial="(\d+)"/.exec(notification)?.[1] ?? 'none'
}

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, complaints } = await sweep(subject, KINDS, 8)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
