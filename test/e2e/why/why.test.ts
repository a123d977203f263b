/** `brine why` by the built program: why a VRP is there, and why not. */
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok } from '../../support/sites/desired-state.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

const VRP = '192.0.2.0/24 => 64496'

interface Why {
  readonly present: boolean
  readonly answer: { readonly code: string; readonly message: string; readonly hint: string | null }
  readonly ca: string | null
  readonly object: { readonly name: string; readonly sha256: string; readonly serial: string } | null
  readonly chain: readonly { readonly holder: string; readonly issuer: string | null; readonly serial: string | null }[]
  readonly chainEnd: string | null
  readonly published: { readonly serial: number } | null
  readonly story: readonly {
    readonly what: readonly string[]
    readonly sequence: number
    readonly actor: string
    readonly reason: string | null
    readonly at: string
  }[]
}

let box: Sandbox
let dir: string
beforeAll(async () => {
  box = await sandbox()
  await ok(box.dataDir, ['roa', 'add', 'acme', `${VRP} # web`, '--actor', 'alice', '--reason', 'ticket 7'])
})
afterAll(() => box.remove())

const ask = async (where: string, ...args: readonly string[]): Promise<Why> =>
  (await ok(where, ['why', ...args, '--json'])).json<Why>()
const codeOf = async (where: string, ...args: readonly string[]): Promise<string> =>
  (await ask(where, ...args)).answer.code

describe('why a VRP is there', () => {
  it('names object, chain, serial and command', async () => {
    const report = await ask(box.dataDir, VRP)
    expect(report).toMatchObject({ present: true, ca: 'acme', chainEnd: 'trust-anchor', answer: { code: 'published' } })
    expect(report.chain.map(({ holder, issuer }) => [holder, issuer])).toEqual([
      ['ca/acme', 'ca/testbed'],
      ['ca/testbed', 'ta/ta'],
      ['ta/ta', null],
    ])
    expect(report.chain.every(({ serial }) => serial !== null)).toBe(true)
    expect(report.story).toMatchObject([{ what: ['configured', 'issued'], actor: 'alice', reason: 'ticket 7' }])
    const listed = (await ok(box.dataDir, ['roa', 'list', 'acme', '--json'])).json<{
      roas: { object: { serial: string } }[]
    }>()
    expect(report.object?.serial).toBe(listed.roas[0]?.object.serial)
    const { publication } = (await ok(box.dataDir, ['status', '--json'])).json<{ publication: { serial: number } }>()
    expect(report.published?.serial).toBe(publication.serial)
    const text = (await ok(box.dataDir, ['why', VRP])).stdout
    for (const part of [report.object?.sha256, 'rsync://', 'alice', 'ticket 7', 'the trust anchor', 'RRDP serial'])
      expect(text).toContain(part)
  })

  it('keeps who configured it apart from what renewed it, and finds it in an aggregated object', async () => {
    dir = box.copy()
    const many = Array.from({ length: 101 }, (_, n) => `192.0.2.${n}/32 => 64496`)
    await ok(dir, ['roa', 'add', 'acme', ...many, '--actor', 'bob'])
    const report = await ask(dir, VRP)
    expect(report.object?.name).toBe('AS64496.roa')
    expect(report.story.map(({ what, actor }) => [what.join(), actor])).toEqual([
      ['configured,issued', 'alice'],
      ['reissued', 'bob'],
    ])
    expect(await codeOf(dir, '192.0.2.7/32 => 64496')).toBe('published')
    expect(await codeOf(dir, '192.0.2.107/32 => 64496')).toBe('never')
  })
})

describe('why a VRP is not there', () => {
  it('tells removed from never and outside, and answers for the time before', async () => {
    dir = box.copy()
    const at = (await ask(dir, VRP)).story[0]?.at ?? ''
    await ok(dir, ['roa', 'remove', 'acme', VRP, '--actor', 'carol', '--reason', 'moved', '--max-removals', '1'])
    const gone = await ask(dir, VRP)
    expect(gone).toMatchObject({ present: false, object: null, answer: { code: 'removed' } })
    expect(gone.answer.message).toMatch(/^removed from acme by seq \d+ \(roas\.update\) at .*, by carol: moved/)
    expect(gone.story.at(-1)?.what).toEqual(['removed', 'withdrawn'])
    const then = await ask(dir, VRP, '--at', at)
    expect([then.present, then.object?.name, then.chain.length]).toEqual([
      true,
      '3139322e302e322e302f32342d3234203d3e203634343936.roa',
      3,
    ])
    const never = await ask(dir, '192.0.2.0/25 => 64496')
    expect([never.answer.code, never.answer.hint]).toEqual(['never', expect.stringContaining('brine roa add')])
    expect(await codeOf(dir, '192.0.2.0/25 => 64497')).toBe('never')
  })

  it('names the CA that is suspended, the resources that were lost, and the CA that was removed', async () => {
    dir = box.copy()
    await ok(dir, ['child', 'suspend', 'testbed', 'acme', '--yes', '--reason', 'x'])
    expect(await ask(dir, VRP)).toMatchObject({ present: false, answer: { code: 'ca-suspended' } })
    await ok(dir, ['child', 'unsuspend', 'testbed', 'acme'])
    expect(await codeOf(dir, VRP)).toBe('published')
    await ok(dir, ['child', 'update', 'testbed', 'acme', '--resources', 'AS64496', '--yes', '--reason', 'moved away'])
    const lost = await ask(dir, VRP)
    expect(lost).toMatchObject({ present: false, answer: { code: 'resource-lost' }, ca: 'acme' })
    await ok(dir, ['ca', 'remove', 'acme', '--yes', '--reason', 'closed'])
    expect(await ask(dir, VRP)).toMatchObject({ present: false, answer: { code: 'ca-removed' } })
  })
})

describe('the proof', () => {
  it('can be read and entered by everyone, whatever the umask, as a folder and as a tar file', async () => {
    const [folder, tar] = [join(box.path, 'proof'), join(box.path, 'proof.tar')]
    for (const bundle of [folder, tar]) await ok(box.dataDir, ['why', VRP, '--bundle', bundle])
    const modes = (path: string): number => statSync(path).mode & 0o777
    expect([folder, join(folder, 'object'), join(folder, 'crls')].map(modes)).toEqual([0o755, 0o755, 0o755])
    expect([tar, join(folder, 'README.txt'), join(folder, 'certificates', '0.cer')].map(modes)).toEqual([
      0o644, 0o644, 0o644,
    ])
  })
})

describe('bad input of why', () => {
  it('is refused, and damage of history is told', async () => {
    dir = box.copy()
    expect(await refusalOf(dir, ['why', '192.0.2.0/24'])).toEqual([2, 'roa-syntax'])
    expect(await refusalOf(dir, ['why', '192.0.2.1/24 => 64496'])).toEqual([2, 'roa-host-bits'])
    expect(await refusalOf(dir, ['why', VRP, '--at', '2030-01-01T00:00:00Z'])).toEqual([2, 'time-in-future'])
    const taken = join(box.path, 'taken')
    writeFileSync(taken, '')
    expect(await refusalOf(dir, ['why', VRP, '--bundle', taken])).toEqual([2, 'file-exists'])
    expect(await refusalOf(dir, ['why', '192.0.2.0/25 => 1', '--bundle', join(box.path, 'b')])).toEqual([
      1,
      'why-nothing-published',
    ])
    expect((await runAt(dir, ['why'])).code).toBe(2)
  })
})
