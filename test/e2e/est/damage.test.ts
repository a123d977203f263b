/** Damage of what enrolment keeps: what is lost is named, above all what a CA elsewhere goes on honouring, and the rest works. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RecoverReport } from '../../../src/core/app/recovery/report.js'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { EnrolSite } from '../../support/sites/enrol-site.js'

const site = new EnrolSite()
const copies: string[] = []
const ids: string[] = []

/** Three certificates, the second revoked. */
beforeAll(async () => {
  await site.init()
  const label = '[[est.label]]\nname = "device"\nca_id = "one"\nprofile = "deviceCert"\nauth = "password"\n'
  site.configure(`${site.fileCa('one')}${label}`)
  for (let n = 0; n < 3; n++) ids.push((await site.enrol('device')).id)
  expect((await site.brine('est', 'cert', 'revoke', ids[1] ?? '', '--yes')).code).toBe(0)
}, 60_000)
afterAll(() => {
  for (const dir of copies) rmSync(dir, { recursive: true, force: true })
  site.remove()
})

function copy(): { readonly dir: string; readonly run: (...args: readonly string[]) => Promise<RunResult> } {
  const dir = `${site.data}-${copies.length}`
  copies.push(dir)
  cpSync(site.data, dir, { recursive: true })
  return { dir, run: (...args) => runBrine(args, { dataDir: dir, now: site.instant }) }
}

function bookOf(dir: string): string {
  const [name = ''] = readdirSync(join(dir, 'est')).filter((one) => one !== '0')
  return join(dir, 'est', name)
}

function objectOf(dir: string, id: string): string {
  const book = bookOf(dir)
  for (const name of readdirSync(book).filter((one) => one.startsWith('event-'))) {
    const event = JSON.parse(readFileSync(join(book, name), 'utf8')) as { id?: string; sha256?: string }
    const found = JSON.stringify(event).includes(id) && /"sha256":"([0-9a-f]{64})"/.exec(JSON.stringify(event))
    if (found) return join(dir, 'objects', (found[1] ?? '').slice(0, 2), found[1] ?? '')
  }
  throw new Error(`no object of ${id}`)
}

describe('a certificate whose bytes are gone', () => {
  it('is named by verify and recover, is not said to be issued anew, can be revoked, and comes back from a copy', async () => {
    const { dir, run } = copy()
    const [id = ''] = ids
    rmSync(objectOf(dir, id))
    const verified = await run('audit', 'verify')
    expect([verified.code, verified.stdout + verified.stderr]).toEqual([
      12,
      expect.stringContaining(`certificate ${id}`),
    ])
    const recovered = await run('recover')
    expect(recovered.code).toBe(12)
    expect(recovered.stdout).toContain(`certificate ${id}: content lost; restore it with --from`)
    expect(recovered.stdout).not.toContain('issued again')
    expect((await run('est', 'cert', 'revoke', id, '--yes')).code).toBe(0)
    const back = await run('recover', '--from', site.data)
    expect([back.code, back.stdout]).toEqual([0, expect.stringContaining('restored from a copy')])
    expect((await run('est', 'cert', 'show', id)).code).toBe(0)
  })
})

describe('a directory that became the primary again', () => {
  it('gives its lists numbers beyond those that it may have forgotten', async () => {
    const dir = `${site.data}-live`
    copies.push(dir)
    const run = (...args: readonly string[]) => runBrine(args, { dataDir: dir })
    await run('init')
    cpSync(join(site.data, 'brine.toml'), join(dir, 'brine.toml'))
    const started = Math.floor(Date.now() / 1000)
    const number = async (): Promise<number> =>
      (await run('est', 'crl', 'one', '--json')).json<{ number: number }>().number
    expect([await number(), await number()]).toEqual([1, 2])
    expect((await run('demote', '--reason', 'moved')).code).toBe(0)
    expect((await run('promote', '--reason', 'back', '--yes')).code).toBe(0)
    const first = await number()
    expect(first).toBeGreaterThanOrEqual(started)
    expect(await number()).toBeGreaterThan(first)
  })
})

describe('a damaged book', () => {
  it('is recovered with the certificates and revocations that are lost, by name', async () => {
    const { dir, run } = copy()
    const book = bookOf(dir)
    for (const name of readdirSync(book).filter((one) => one.startsWith('snapshot-'))) rmSync(join(book, name))
    const third = join(book, 'event-2.json')
    writeFileSync(third, readFileSync(third, 'utf8').replace('device-3', 'device-4'))
    const preview = await run('recover', '--dry-run', '--json')
    const lost = preview.json<RecoverReport>().aggregates.flatMap((one) => one.lost)
    expect(lost).toContainEqual(expect.objectContaining({ type: 'certificate', id: ids[2], back: false }))
    expect(lost).toContainEqual(expect.objectContaining({ type: 'revocation', id: ids[1] }))
    const done = await run('recover', '--yes')
    expect(done.stdout).toContain(`lost: certificate ${ids[2]} (one, serial `)
    expect(done.stdout).toContain(`certificate ${ids[1]} is no longer known to be revoked`)
    expect((await run('audit', 'verify', '--full')).code).toBe(0)
    const { certificates } = (await run('est', 'cert', 'list', '--json')).json<{ certificates: { id: string }[] }>()
    expect(certificates.map(({ id }) => id).sort()).toEqual(ids.slice(0, 2).sort())
  })

  it('of requests and passwords gives back what was taken away since, by name', async () => {
    const { dir, run } = copy()
    const made = (await run('est', 'otp', 'create', 'device', '--json')).json<{ id: string }>()
    const other = (await run('est', 'otp', 'create', 'device', '--json')).json<{ id: string }>()
    const own = join(dir, 'est', '0')
    const last = readdirSync(own)
      .filter((one) => one.startsWith('event-'))
      .map((name) => join(own, name))
      .find((path) => readFileSync(path, 'utf8').includes(other.id))
    expect((await run('est', 'otp', 'revoke', made.id)).code).toBe(0)
    for (const name of readdirSync(own).filter((one) => one.startsWith('snapshot-'))) rmSync(join(own, name))
    writeFileSync(last ?? '', '{}')
    const lost = (await run('recover', '--dry-run', '--json'))
      .json<RecoverReport>()
      .aggregates.flatMap((one) => one.lost)
    expect(lost).toContainEqual(expect.objectContaining({ type: 'password', id: made.id, back: true }))
  })
})
