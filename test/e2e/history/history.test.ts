/** `brine history` as users run it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CommandReport, HistoryReport } from '../../../src/core/app/proof/history.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
  const dir = box.dataDir
  await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--actor', 'ann', '--reason', 'ticket 7'])
  await runAt(dir, ['roa', 'add', 'acme', '10.0.0.0/8 => 64496', '--actor', 'bob'])
})
afterAll(() => box.remove())

it('lists every command, refused ones too, newest first, in the words of users', async () => {
  const { code, json } = await runAt(box.dataDir, ['history', 'list', '--json'])
  const { commands, total } = json<HistoryReport>()
  expect(code).toBe(0)
  expect(total).toBe(commands.length)
  expect(commands.slice(0, 2)).toMatchObject([
    {
      kind: 'ca',
      handle: 'acme',
      sequence: 3,
      actor: 'bob',
      result: 'rejected',
      events: 0,
      error: { code: 'roa-not-held' },
    },
    {
      kind: 'ca',
      handle: 'acme',
      sequence: 2,
      actor: 'ann',
      reason: 'ticket 7',
      type: 'roas.update',
      summary: '+192.0.2.0/24-24 => 64496',
      result: 'accepted',
    },
  ])
  expect(Object.keys(commands[0] ?? {}).sort()).toEqual(
    'actor archived at configDigest error events handle host kind osUser reason result sequence summary type version'.split(
      ' ',
    ),
  )
  expect(commands.some((c) => c.kind === 'pubserver' && c.handle === '0')).toBe(true)
  const text = await runAt(box.dataDir, ['history', 'list', 'ca/acme', '--rows', '1'])
  expect(text.stdout).toMatch(
    /AGGREGATE.*\n.*ca\/acme +3 +roas\.update +\+10\.0\.0\.0\/8-8 => 64496 +roa-not-held.*bob.*\n1 of 3/,
  )
})

it('filters by aggregate, actor, type and time', async () => {
  const rows = async (...args: string[]) => {
    const { json } = await runAt(box.dataDir, ['history', 'list', ...args, '--json'], {
      env: { BRINE_ACTOR: 'someone' },
    })
    return json<HistoryReport>().commands.map((c) => `${c.kind}/${c.handle} ${c.sequence}`)
  }
  expect(await rows('--actor', 'ann')).toEqual(['ca/acme 2', 'pubserver/0 3'])
  expect(await rows('ta/ta', 'ca/acme', '--type', 'ca', '--type', 'ta')).toEqual(['ca/acme 1', 'ta/ta 1'])
  expect(await rows('ca/acme', 'ta/ta', '--since', '7d')).toEqual(['ca/acme 3', 'ca/acme 2', 'ca/acme 1', 'ta/ta 1'])
  expect(await rows('ca/acme', '--after', NOW, '--before', '2026-11-21T12:00:02Z')).toEqual(['ca/acme 1'])
  expect(await rows('ca/acme', '--rows', '1', '--offset', '1')).toEqual(['ca/acme 2'])
})

it('shows one command with its events', async () => {
  const { json, code } = await runAt(box.dataDir, ['history', 'show', 'ca/acme', '2', '--json'])
  const { command, events } = json<CommandReport>()
  expect(code).toBe(0)
  expect(command).toMatchObject({ sequence: 2, version: 6, events: 2, args: { added: ['192.0.2.0/24-24 => 64496'] } })
  expect(events.map((e) => [e.version, e.event.type])).toEqual([
    [6, 'roas.updated'],
    [7, 'point.issued'],
  ])
  const first = (await runAt(box.dataDir, ['history', 'show', 'ca/acme', '1', '--json'])).json<CommandReport>()
  expect(first.command).toMatchObject({
    summary: 'under testbed with AS64496, 192.0.2.0/24',
    args: { under: 'testbed', resources: { asn: 'AS64496', ipv4: '192.0.2.0/24', ipv6: '' } },
  })
  const shown = (await runAt(box.dataDir, ['history', 'show', 'ca/acme', '2'])).stdout
  expect(shown).toMatch(/^event 6 {2}roas\.updated\n {2}added +asn 64496, /m)
  expect(shown).not.toMatch(/[{}"]/)
  const text = await runAt(box.dataDir, ['history', 'show', 'ca/acme', '3'])
  expect(text.stdout).toContain('rejected: 10.0.0.0/8-8 => 64496')
})

it('says what is not there', async () => {
  const answer = async (...args: string[]) => {
    const { code, json } = await runAt(box.dataDir, ['history', ...args, '--json'])
    return [code, json<{ error: { code: string } }>().error.code]
  }
  expect(await answer('show', 'ca/acme', '4')).toEqual([1, 'sequence-unknown'])
  expect(await answer('show', 'ca/nobody', '1')).toEqual([1, 'aggregate-unknown'])
  expect(await answer('list', 'ca/nobody')).toEqual([1, 'aggregate-unknown'])
  expect(await answer('list', 'nobody')).toEqual([2, 'aggregate-invalid'])
})

it('ends at a damaged record with its file, and never before it in silence', async () => {
  const dir = box.copy()
  writeFileSync(join(dir, 'cas/acme/command-1.json'), '{}')
  const broken = await runAt(dir, ['history', 'list'])
  expect(broken.code).toBe(12)
  expect(broken.stdout).toBe('')
  expect(broken.stderr).toContain('cas/acme/command-1.json')
  expect((await runAt(dir, ['history', 'list', 'ca/testbed'])).code).toBe(0)
})

it('shows the newest command without a number, and says which aggregate has the one of a number alone', async () => {
  const newest = await runAt(box.dataDir, ['history', 'show', 'acme', '--json'])
  expect(newest.json<CommandReport>().command).toMatchObject({ handle: 'acme', sequence: 3 })
  const refusal = async (...args: readonly string[]) => {
    const { code, json } = await runAt(box.dataDir, ['history', 'show', ...args, '--json'])
    const { error } = json<{ error: { code: string; message: string; hint: string } }>()
    return [code, error.code, error.message, error.hint.replace(/--data-dir \S+ /g, '')]
  }
  expect(await refusal('3')).toEqual([
    2,
    'aggregate-missing',
    expect.stringMatching(/^3 is the number of a command, and each aggregate counts its own: .*ca\/acme.* have one$/),
    expect.stringMatching(/^brine history show \w+\/\w+ 3$/),
  ])
  expect(await refusal('99')).toEqual([1, 'sequence-unknown', 'no aggregate has a command 99', 'brine history list'])
  expect((await refusal('acme', '9'))[3]).toBe('brine history show acme 3, or: brine history list acme')
})

it('names the flag that is meant, and the complete time', async () => {
  const stderr = async (...args: readonly string[]) => (await runAt(box.dataDir, args)).stderr
  expect(await stderr('history', 'list', '--from', '7d')).toContain('unknown flag --from, did you mean --since?')
  expect(await stderr('audit', 'diff', 'acme', '--since', '7d')).toContain('did you mean --from?')
  expect(await stderr('audit', 'diff', 'acme', '--from', '2026-11-21')).toContain('complete: 2026-11-21T00:00:00Z')
  expect(await stderr('history', 'list', '--after', '2026-11-21 10:30')).toContain('complete: 2026-11-21T10:30:00Z')
})
