/** `brine recover` as users run it: what is lost is told before it is, others are served meanwhile, and afterwards everything agrees again. */
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PubserverShowReport } from '../../../src/core/app/authority/pubserver.js'
import type { HistoryReport } from '../../../src/core/app/proof/history.js'
import type { RecoverReport } from '../../../src/core/app/recovery/report.js'
import type { Instant } from '../../../src/core/base/time.js'
import { thisInstallation, writeInstallationId } from '../../../src/core/store/directory/installation-id.js'
import type { RunResult } from '../../support/processes/cli.js'
import { expectRefused, footprint, makeSandbox, type Sandbox, STANDING } from '../../support/sites/bad-input-box.js'

const NOTED = '192.0.2.128/25-26 => 64496'
const EVENT = 'cas/acme/event-8.json'

let sandbox: Sandbox & { readonly remove: () => void }
beforeAll(async () => {
  sandbox = await makeSandbox()
  // acme: six events and a snapshot, two for STANDING, two and a snapshot for a ROA that goes again, two without one
  await ok(sandbox, ['roa', 'add', 'acme', `${NOTED} # the east`])
  await ok(sandbox, ['roa', 'remove', 'acme', STANDING])
})
afterAll(() => sandbox.remove())

async function ok(box: Sandbox, args: readonly string[], options = {}): Promise<RunResult> {
  const ran = await box.run(args, options)
  expect(ran.code, `brine ${args.join(' ')}\n${ran.stdout}${ran.stderr}`).toBe(0)
  return ran
}

function flip(box: Sandbox, path: string): void {
  const bytes = readFileSync(join(box.dir, path))
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(join(box.dir, path), bytes)
}

/** Without its snapshots, acme is replayed up to event 8: the last command and the one before it are lost. */
function breakAcme(box: Sandbox): void {
  for (const name of readdirSync(join(box.dir, 'cas/acme')))
    if (/^snapshot-1\d\.json$/.test(name)) rmSync(join(box.dir, 'cas/acme', name))
  flip(box, EVENT)
}

const roas = async (box: Sandbox): Promise<readonly string[]> => {
  const { json } = await ok(box, ['roa', 'list', 'acme', '--json'])
  return json<{ roas: { prefix: string; comment?: string }[] }>().roas.map((r) =>
    `${r.prefix} ${r.comment ?? ''}`.trim(),
  )
}
const numbers = async (box: Sandbox, ca: string): Promise<readonly number[]> => {
  const { json } = await ok(box, ['ca', 'show', ca, '--json'])
  const { classes } = json<{ classes: { keys: { manifestNumber: number }[] }[] }>()
  return classes.flatMap((c) => c.keys.map((k) => k.manifestNumber))
}
const sessionOf = async (box: Sandbox): Promise<string> =>
  (await ok(box, ['pubserver', 'show', '--json'])).json<PubserverShowReport>().sessionId

async function mustBeWhole(box: Sandbox): Promise<void> {
  await ok(box, ['audit', 'verify'])
  const again = await ok(box, ['recover', '--json'])
  expect(again.json<RecoverReport>()).toMatchObject({ changed: 'no', aggregates: [] })
}

describe('damage that loses commands', () => {
  it('stops that aggregate with the command that mends it; the others go on; reads of what is whole go on', async () => {
    const box = sandbox.copy()
    breakAcme(box)
    for (const args of [
      ['roa', 'list', 'acme'],
      ['roa', 'add', 'acme', '192.0.2.0/26=AS64496'],
      ['ca', 'show', 'acme'],
    ])
      await expectRefused(box, args, {
        exit: 12,
        code: 'file-damaged',
        says: ['event-8.json', 'brine recover ca/acme'],
      })
    await ok(box, ['ca', 'show', 'testbed'])
    await ok(box, ['ca', 'add', 'other', '--under', 'testbed', '--resources', 'AS64499'])
    expect((await box.run(['status'])).stdout).toContain('brine recover ca/acme')
  })

  it('a dry run names it and changes nothing; without --yes nobody is asked and nothing changes', async () => {
    const box = sandbox.copy()
    breakAcme(box)
    const before = footprint(box.dir)
    const dry = await ok(box, ['recover', 'ca/acme', '--dry-run'])
    expect(dry.stdout).toContain(`A: ${NOTED} # the east`)
    expect(dry.stdout).toContain(`R: ${STANDING}`)
    expect(dry.stdout).toMatch(/lost: command 3, roas\.update .* by /)
    const report = (await ok(box, ['recover', '--dry-run', '--json'])).json<RecoverReport>()
    expect(report).toMatchObject({ loses: true, dryRun: true, changed: 'no', wouldChange: true })
    expect(report.aggregates).toMatchObject([
      { kind: 'ca', handle: 'acme', fromVersion: 12, toVersion: 8, corrupt: [EVENT] },
    ])
    await expectRefused(box, ['recover'], {
      exit: 2,
      code: 'confirmation-needed',
      says: ['2 commands, 1 ROA lost, 1 ROA back'],
    })
    expect(footprint(box.dir)).toEqual(before)
  })

  it('leaves the marker alone when a run that was cut short before it is taken up and refused, and completes it when it is not', async () => {
    const box = sandbox.copy()
    breakAcme(box)
    const marker = readFileSync(join(box.dir, 'brine.json'), 'utf8')
    const { generation } = JSON.parse(marker) as { generation: number }
    writeInstallationId(box.dir, thisInstallation(box.dir, generation + 1, '2026-01-01T00:00:00Z' as Instant))
    expect((await box.run(['recover'])).code).toBe(2)
    expect(readFileSync(join(box.dir, 'brine.json'), 'utf8')).toBe(marker)
    await ok(box, ['recover', '--yes', '--reason', 'a bad disk'])
    expect(JSON.parse(readFileSync(join(box.dir, 'brine.json'), 'utf8'))).toMatchObject({ generation: generation + 2 })
    await mustBeWhole(box)
  })

  it('is recovered from: history says it, numbers are ahead, the lines bring the ROAs back', async () => {
    const box = sandbox.copy()
    const [seen, session] = [await numbers(box, 'acme'), await sessionOf(box)]
    breakAcme(box)
    const lines = (await ok(box, ['recover', '--dry-run'])).stdout
    const done = (await ok(box, ['recover', '--yes', '--json', '--reason', 'bad disk'])).json<RecoverReport>()
    expect(done).toMatchObject({ changed: 'yes', loses: true, generation: 2, failed: [], orphans: [] })
    expect(done.aggregates[0]).toMatchObject({ sequence: 5, snapshot: 6, gone: [] })
    expect(await roas(box)).toEqual(['192.0.2.0/24'])
    expect(readdirSync(join(box.dir, 'cas/acme/corrupt')).map((n) => n.split('.')[0])).toEqual(['event-8'])
    expect(readdirSync(join(box.dir, 'cas/acme/surplus')).map((n) => n.split('.')[0])).toContain('command-4')
    for (const ca of ['acme', 'testbed'])
      expect(Math.min(...(await numbers(box, ca)))).toBeGreaterThan(Math.max(1_700_000_000, ...seen))
    expect(await sessionOf(box)).not.toBe(session)
    const { commands } = (await ok(box, ['history', 'list', 'ca/acme', '--json'])).json<HistoryReport>()
    const told = commands.map((c) => [c.sequence, c.result, c.reason])
    expect(told).toContainEqual([5, 'recovered', 'bad disk'])
    expect(told).toContainEqual([4, 'lost', null])
    await ok(box, ['history', 'show', 'ca/acme', '5'])
    await mustBeWhole(box)
    await ok(box, ['roa', 'update', 'acme', '--file', '-'], { input: lines })
    expect(await roas(box)).toEqual(['192.0.2.128/25 the east'])
    await mustBeWhole(box)
  })

  it('is told where the very record is lost, from the events that nothing proves any more', async () => {
    for (const misshapen of [false, true]) {
      const box = sandbox.copy()
      const folder = join(box.dir, 'cas/acme')
      for (const name of readdirSync(folder)) if (/^snapshot-1\d\.json$/.test(name)) rmSync(join(folder, name))
      rmSync(join(folder, 'command-4.json'))
      // an event of the lost command whose shape nobody vouches for
      const event = join(folder, 'event-10.json')
      if (misshapen) writeFileSync(event, readFileSync(event, 'utf8').replace(/"removed":\[[^\]]*\]/, '"removed":7'))
      const dry = await ok(box, ['recover', 'ca/acme', '--dry-run'])
      expect(dry.stdout).toContain('command 4')
      expect(dry.stdout.includes(`R: ${STANDING}`)).toBe(!misshapen)
      await ok(box, ['recover', '--yes'])
      await ok(box, ['roa', 'update', 'acme', '--file', '-'], { input: dry.stdout })
      expect(await roas(box)).toEqual(
        misshapen ? ['192.0.2.0/24', '192.0.2.128/25 the east'] : ['192.0.2.128/25 the east'],
      )
      await mustBeWhole(box)
    }
  })

  it('a copy gives back what it has, and nothing is lost', async () => {
    const box = sandbox.copy()
    const before = await numbers(box, 'acme')
    breakAcme(box)
    rmSync(join(box.dir, 'cas/testbed'), { recursive: true })
    const { json } = await ok(box, ['recover', '--from', sandbox.dir, '--json'])
    expect(json<RecoverReport>()).toMatchObject({ loses: false, generation: 1 })
    expect(await numbers(box, 'acme')).toEqual(before)
    await mustBeWhole(box)
    await expectRefused(box, ['recover', '--from', join(box.dir, 'cas')], { exit: 2, code: 'recover-from' })
  })

  it('a backup gives back what it has, keys too, and nothing of it stays unpacked', async () => {
    const box = sandbox.copy()
    const secret = join(box.dir, '..', 'passphrase')
    writeFileSync(secret, 'correct horse\n', { mode: 0o600 })
    const file = join(box.dir, '..', `${basename(box.dir)}.tar.gz.age`)
    await ok(box, ['backup', 'create', file, '--passphrase-file', secret])
    breakAcme(box)
    const keys = readdirSync(join(box.dir, 'keys')).filter((name) => name !== 'pool')
    for (const name of keys) rmSync(join(box.dir, 'keys', name))
    await expectRefused(box, ['recover', '--from', file], { exit: 2, code: 'backup-key-needed' })
    const temp = join(box.dir, '..', 'unpacked')
    mkdirSync(temp)
    const done = await ok(box, ['recover', '--from', file, '--passphrase-file', secret, '--json'], {
      env: { TMPDIR: temp },
    })
    expect(done.json<RecoverReport>()).toMatchObject({ loses: false, generation: 1, keys: { missing: [] } })
    expect(readdirSync(temp)).toEqual([])
    await mustBeWhole(box)
  })

  it('where nothing can be built it is exit 12 and untouched, and the others are recovered', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'cas/acme'), { recursive: true })
    const before = footprint(box.dir)
    const { code, json } = await box.run(['recover', '--yes', '--json'])
    expect([code, json<RecoverReport>().failed]).toMatchObject([
      12,
      [{ aggregate: 'ca/acme', code: 'recover-impossible' }],
    ])
    expect(footprint(box.dir)).toEqual(before)
    flip(box, 'cas/testbed/info.json')
    expect((await box.run(['recover', '--yes', '--json'])).json<{ changed: string }>().changed).toBe('yes')
    expect(existsSync(join(box.dir, 'cas/acme'))).toBe(false)
  })
})

describe('several aggregates', () => {
  it('the publication server cannot be built: that is told, nothing changed, and nobody writes a served tree from it', async () => {
    const box = sandbox.copy()
    const folder = join(box.dir, 'pubd/0')
    for (const name of readdirSync(folder)) if (/^(snapshot|event-0)/.test(name)) rmSync(join(folder, name))
    const before = footprint(box.dir)
    for (const args of [
      ['recover', '--dry-run', '--json'],
      ['recover', '--yes', '--json'],
    ]) {
      const { code, json } = await box.run(args)
      expect([code, json<RecoverReport>()]).toMatchObject([
        12,
        { changed: 'no', served: false, failed: [{ aggregate: 'pubserver/0', code: 'recover-impossible' }] },
      ])
    }
    expect(footprint(box.dir)).toEqual(before)
  })

  it('the publication server loses what it published: all is published again in a new session', async () => {
    const box = sandbox.copy()
    const folder = join(box.dir, 'pubd/0')
    for (const name of readdirSync(folder)) if (/^snapshot-(?!6)/.test(name)) rmSync(join(folder, name))
    flip(box, 'pubd/0/event-7.json')
    const done = (await ok(box, ['recover', '--yes', '--json'])).json<RecoverReport>()
    expect(done.aggregates).toMatchObject([{ kind: 'pubserver', handle: '0' }])
    const { json } = await ok(box, ['roa', 'list', 'acme', '--json'])
    expect(json<{ roas: { state: string }[] }>().roas.map((r) => r.state)).toEqual(['published'])
    await mustBeWhole(box)
    await ok(box, ['status', '--fail-on', 'critical'])
  })

  it('a parent that lost a child says so, and the child keeps what it has until somebody has looked', async () => {
    const box = sandbox.copy()
    await ok(box, ['ca', 'add', 'late', '--under', 'testbed', '--resources', 'AS64510'])
    const folder = join(box.dir, 'cas/testbed')
    const last = Math.max(...readdirSync(folder).map((n) => Number(/^command-(\d+)/.exec(n)?.[1] ?? 0)))
    for (const name of readdirSync(folder)) if (/^snapshot-1\d/.test(name)) rmSync(join(folder, name))
    rmSync(join(folder, `command-${last}.json`))
    const done = (await ok(box, ['recover', '--yes', '--json'])).json<RecoverReport>()
    expect(done.orphans).toEqual(['late'])
    const shown = await ok(box, ['ca', 'show', 'late', '--json'])
    expect(shown.json<{ classes: unknown[] }>().classes).toHaveLength(1)
    await mustBeWhole(box)
  })

  it('a parent that cannot be read has not disowned anything: its child is no orphan', async () => {
    const box = sandbox.copy()
    breakAcme(box)
    rmSync(join(box.dir, 'cas/testbed'), { recursive: true })
    const { code, json } = await box.run(['recover', '--yes', '--json'])
    expect([code, json<RecoverReport>()]).toMatchObject([12, { orphans: [], aggregates: [{ handle: 'acme' }] }])
  })

  it('a lost commit file is built anew: nothing is lost', async () => {
    const box = sandbox.copy()
    const before = readFileSync(join(box.dir, 'commits/2.json'))
    rmSync(join(box.dir, 'commits/2.json'))
    expect((await box.run(['audit', 'verify'])).code).toBe(12)
    const { stdout } = await ok(box, ['recover'])
    expect(stdout).toContain('commit 2: rebuilt from its command records')
    expect(readFileSync(join(box.dir, 'commits/2.json'))).toEqual(before)
    await mustBeWhole(box)
  })
})

describe('objects, keys and the served tree', () => {
  const objectOf = (box: Sandbox, served: string): string => {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(box.dir, 'repo', served)))
      .digest('hex')
    return join('objects', sha256.slice(0, 2), sha256)
  }
  const ROA = `rsync/current/acme/0/${Buffer.from(NOTED).toString('hex')}.roa`

  it('come back from the served tree', async () => {
    const box = sandbox.copy()
    const object = objectOf(box, ROA)
    rmSync(join(box.dir, object))
    await ok(box, ['recover'])
    expect(existsSync(join(box.dir, object))).toBe(true)
    await mustBeWhole(box)
  })

  it('come back where a folder has taken the place of one', async () => {
    const box = sandbox.copy()
    const object = objectOf(box, ROA)
    rmSync(join(box.dir, object))
    mkdirSync(join(box.dir, object))
    expect((await box.run(['audit', 'verify'])).code).toBe(12)
    await ok(box, ['recover'])
    await mustBeWhole(box)
  })

  it('are issued anew where nothing has them', async () => {
    const box = sandbox.copy()
    const object = objectOf(box, ROA)
    flip(box, object)
    rmSync(join(box.dir, 'repo'), { recursive: true })
    const { json } = await ok(box, ['recover', '--json'])
    expect(json<RecoverReport>().objects.missing).toEqual([object.slice(-64)])
    expect(await roas(box)).toEqual(['192.0.2.128/25 the east'])
    await mustBeWhole(box)
  })

  it('a key that is gone is told, and a copy gives it back', async () => {
    const box = sandbox.copy()
    const keys = readdirSync(join(box.dir, 'keys')).filter((name) => name !== 'pool')
    for (const name of keys) rmSync(join(box.dir, 'keys', name))
    const lost = await box.run(['recover', '--json'])
    expect([lost.code, [...lost.json<RecoverReport>().keys.missing].sort()]).toEqual([12, keys.sort()])
    await ok(box, ['recover', '--from', sandbox.dir])
    await ok(box, ['republish', '--now'])
    await mustBeWhole(box)
  })
})

describe('a file of history that no state needs', () => {
  const GONE = 'cas/acme/event-2.json'

  it('is given up only if that is confirmed, and is listed', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, GONE))
    const dry = (await ok(box, ['recover', '--dry-run', '--json'])).json<RecoverReport>()
    expect(dry).toMatchObject({ loses: false, losesHistory: true, aggregates: [{ gone: ['event-2.json'], lost: [] }] })
    await expectRefused(box, ['recover'], {
      exit: 2,
      code: 'confirmation-needed',
      says: ['ca/acme: event-2.json of history lost'],
    })
    const done = (await ok(box, ['recover', '--yes', '--json'])).json<RecoverReport>()
    expect(done).toMatchObject({ loses: false, losesHistory: true, generation: 1, aggregates: [{ sequence: 5 }] })
    await mustBeWhole(box)
    await ok(box, ['recover', '--from', sandbox.dir])
    expect(existsSync(join(box.dir, GONE))).toBe(true)
    await mustBeWhole(box)
  })

  it('and then the snapshot at which history begins: restored from a copy, or given up too', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, GONE))
    await ok(box, ['recover', '--yes'])
    const whole = box.copy()
    for (const n of [1, 2, 3, 4]) await ok(box, ['roa', 'add', 'acme', `192.0.2.${n * 16}/28=AS64496`])
    const record = JSON.parse(readFileSync(join(box.dir, 'cas/acme/command-5.json'), 'utf8')) as {
      readonly effect: { readonly snapshot: { readonly version: number } }
    }
    const snapshot = `cas/acme/snapshot-${record.effect.snapshot.version}.json`
    rmSync(join(box.dir, snapshot))
    expect((await box.run(['audit', 'verify'])).stdout).toContain(`${snapshot}: file is missing`)
    const { stderr } = await box.run(['recover'])
    expect(stderr).toContain(`${basename(snapshot)} of history lost; a backup that has it restores it with --from`)
    const other = box.copy()
    await ok(box, ['recover', '--from', whole.dir])
    await mustBeWhole(box)
    await ok(other, ['recover', '--yes'])
    await mustBeWhole(other)
  })
})

describe('without being asked for by name', () => {
  it.each(['BRINE_FORCE_RECOVER', 'KRILL_FORCE_RECOVER'])(
    '%s recovers before any command, but for a dry run',
    async (name) => {
      const box = sandbox.copy()
      breakAcme(box)
      const env = { [name]: '1' }
      const add = ['roa', 'add', 'acme', '192.0.2.0/26=AS64496']
      expect((await box.run([...add, '--dry-run'], { env })).code).toBe(12)
      expect((await box.run(add, { env: { [name]: 'perhaps' } })).code).toBe(2)
      expect((await box.run(add, { env: { [name]: '0' } })).code).toBe(12)
      const { stderr } = await ok(box, add, { env })
      expect(stderr).toMatch(/recovered; ca\/acme: 2 commands, 1 ROA lost, 1 ROA back/)
      await mustBeWhole(box)
    },
  )

  it('always_recover_data is permission for what a command, or tick, meets', async () => {
    for (const args of [['roa', 'list', 'acme'], ['tick']]) {
      const box = sandbox.copy()
      breakAcme(box)
      appendFileSync(join(box.dir, 'brine.toml'), '\nalways_recover_data = true\n')
      const { stderr } = await ok(box, args)
      expect(stderr).toContain('recovered; ca/acme')
      await mustBeWhole(box)
    }
  })
})
