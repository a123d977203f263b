/** `brine archive --to`: another volume takes the files, is found again, and may be away. */
import { existsSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { archiveSite, audit, DAYS, day, events, files, run } from '../../support/store/archive-site.js'

const site = archiveSite('archive-to')
const { fresh, done } = site

describe('another volume', () => {
  it('takes verified copies; the first ones go a day later, and reading finds them there by itself', async () => {
    const to = mkdtempSync(join(site.folder, 'volume-'))
    const dir = await done({ to })
    expect(existsSync(join(dir, 'cas/acme/archived'))).toBe(false)
    expect(events(files(to, 'cas/acme')).length).toBeGreaterThan(20)
    const report = await audit(dir, { full: true })
    expect(report).toMatchObject({ ok: true, digest: site.digest })
    expect(report.aggregates.every((a) => a.archived > 15)).toBe(true)
    renameSync(to, `${to}-unmounted`)
    expect((await audit(dir)).aggregates.every((a) => a.verifiedFrom > 15)).toBe(true)
    expect(await audit(dir, { full: true, archives: [`${to}-unmounted`] })).toMatchObject({
      ok: true,
      digest: site.digest,
    })
  })

  it('takes what was archived in its place before, and nothing leaves while it is away', async () => {
    const dir = await done()
    const to = mkdtempSync(join(site.folder, 'volume-'))
    const first = await run(dir, day(DAYS + 2), { to })
    expect(first.aggregates.every((a) => a.moved > 10)).toBe(true)
    renameSync(to, `${to}-away`)
    const names = events(files(dir, 'cas/acme/archived'))
    expect((await run(dir, day(DAYS + 4))).aggregates[0]?.released).toBe(0)
    expect(events(files(dir, 'cas/acme/archived'))).toEqual(expect.arrayContaining([...names]))
    renameSync(`${to}-away`, to)
    await run(dir, day(DAYS + 4))
    expect(events(files(to, 'cas/acme'))).toEqual(expect.arrayContaining([...names]))
    for (const name of names) expect(existsSync(join(dir, 'cas/acme/archived', name))).toBe(false)
    expect(await audit(dir, { full: true })).toMatchObject({ ok: true, digest: site.digest })
  })

  it('is refused where it is not there, holds something else, lies inside, or is another directory’s', async () => {
    const dir = fresh()
    const refused = (to: string): Promise<unknown> => run(dir, day(DAYS), { to }).catch((e: { code: string }) => e.code)
    expect(await refused(join(site.folder, 'nothing'))).toBe('archive-folder-missing')
    expect(await refused(join(dir, 'brine.json'))).toBe('archive-folder-missing')
    expect(await refused(join(dir, 'cas'))).toBe('archive-folder-inside')
    expect(await refused(site.folder)).toBe('archive-folder-not-empty')
    const foreign = mkdtempSync(join(site.folder, 'foreign-'))
    writeFileSync(join(foreign, 'brine-archive.json'), '{"format":1,"id":"another"}\n')
    expect(await refused(foreign)).toBe('archive-folder-foreign')
  })
})
