/** Where a restore may go: what a dead one left is taken away, and nothing that is somebody's. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brine, copyDir, runBrine, scratchDir } from '../../support/cli.js'

const { path, remove } = scratchDir()
const at = (...names: readonly string[]): string => join(path, ...names)
const backup = at('backup.tar.gz')

beforeAll(async () => {
  await brine(['init'], { dataDir: at('data') })
  await brine(['backup', 'create', backup, '--plain'], { dataDir: at('data') })
})
afterAll(remove)

/** Exit code, and the code of the error. */
async function restore(into: string, source = backup): Promise<readonly [number | null, string | undefined]> {
  const ran = await runBrine(['restore', source, '--into', into, '--yes', '--json'])
  return [ran.code, ran.json<{ error?: { code: string } }>().error?.code]
}

/** As a restore leaves it that died while it moved folders up, `brine.json` last. */
function unfinished(name: string, moved: readonly string[]): string {
  const dir = at(name)
  mkdirSync(dir)
  mkdirSync(join(dir, '.restoring'))
  copyDir(at('data'), join(dir, '.restoring'))
  for (const folder of moved) {
    mkdirSync(join(dir, folder))
    copyDir(at('data', folder), join(dir, folder))
    rmSync(join(dir, '.restoring', folder), { recursive: true })
  }
  return dir
}

describe('a place where a restore died', () => {
  it('is restored into again, however far that one had come', async () => {
    for (const [i, moved] of [[], ['cas', 'commits'], ['cas', 'commits', 'ha', 'keys', 'objects']].entries()) {
      const dir = unfinished(`died-${i}`, moved)
      expect(await restore(dir), moved.join()).toEqual([0, undefined])
      expect(existsSync(join(dir, '.restoring'))).toBe(false)
      await brine(['audit', 'verify'], { dataDir: dir })
    }
  })

  it('is refused when something else lies there by now, which stays as it is', async () => {
    for (const name of ['notes.txt', 'keys']) {
      const dir = unfinished(`used-for-${name}`, ['commits'])
      const mine = name === 'keys' ? join(dir, name, 'mine') : join(dir, name)
      if (name === 'keys') mkdirSync(join(dir, name))
      writeFileSync(mine, 'precious')
      const names = readdirSync(dir)
      expect(await restore(dir), name).toEqual([1, 'restore-not-empty'])
      expect([readdirSync(dir), readFileSync(mine, 'utf8')]).toEqual([names, 'precious'])
    }
  })

  it('never costs the backup that lies in it', async () => {
    const dir = unfinished('beside', [])
    const source = join(dir, 'backup.tar.gz')
    writeFileSync(source, readFileSync(backup))
    expect(await restore(dir, source)).toEqual([1, 'restore-not-empty'])
    expect(readFileSync(source)).toEqual(readFileSync(backup))
  })
})

it('a link to an empty directory is that directory; one that leads nowhere, a circle and a file in the way are refused', async () => {
  mkdirSync(at('empty'))
  symlinkSync(at('empty'), at('link'))
  expect(await restore(at('link'))).toEqual([0, undefined])
  expect(existsSync(at('empty/brine.json'))).toBe(true)
  symlinkSync(at('nowhere'), at('dangling'))
  symlinkSync(at('circle'), at('circle'))
  for (const into of [at('dangling'), at('circle'), backup, join(backup, 'below')])
    expect(await restore(into), into).toEqual([1, 'restore-not-empty'])
  expect(existsSync(at('nowhere'))).toBe(false)
})

it('a backup is not put into the data directory, nor where it would be served, by whatever name', async () => {
  const dataDir = at('data')
  mkdirSync(join(dataDir, 'repo'), { recursive: true })
  symlinkSync(join(dataDir, 'keys'), at('elsewhere'))
  for (const to of [dataDir, join(dataDir, 'b.tar.gz'), join(dataDir, 'repo'), at('elsewhere'), at('elsewhere/b')]) {
    const ran = await runBrine(['backup', 'create', to, '--plain', '--json'], { dataDir })
    expect([ran.code, ran.json<{ error: { code: string } }>().error.code], to).toEqual([2, 'backup-inside'])
  }
  mkdirSync(at('served'))
  writeFileSync(at('own.toml'), `repo_dir = "${at('served')}"\n`)
  expect(
    (await runBrine(['backup', 'create', at('served'), '--plain', '--config', at('own.toml')], { dataDir })).code,
  ).toBe(2)
  expect([readdirSync(at('served')), readdirSync(join(dataDir, 'keys'))]).toEqual([[], ['pool']])
  // a neighbour whose name begins alike
  mkdirSync(at('data-backups'))
  await brine(['backup', 'create', at('data-backups'), '--plain'], { dataDir })
})
