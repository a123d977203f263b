/** Where a restore may go: what a dead one left is taken away, and nothing that is somebody's. */
import { execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { backupTarget } from '../../../src/core/backup/target.js'
import { brine, copyDir, runBrine, scratchDir } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'

const { path, remove } = scratchDir()
const at = (...names: readonly string[]): string => join(path, ...names)
const backup = at('backup.tar.gz')
const RUN = join(import.meta.dirname, '../../../bin/run.js')

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

it('backups that are made at once in one folder get names of their own; one file cannot be two', async () => {
  const dataDir = at('data')
  mkdirSync(at('shelf'))
  const made = await Promise.all(
    Array.from({ length: 3 }, () => brine(['backup', 'create', at('shelf'), '--plain', '--json'], { dataDir })),
  )
  const files = made.map((ran) => ran.json<{ file: string }>().file)
  expect(new Set(files).size).toBe(3)
  for (const file of files) await brine(['backup', 'verify', file])
})

it('a name that is taken while a backup is written: the next one in a folder, refused for a file', async () => {
  const bytes = Readable.from([Buffer.from('late')])
  const stem = 'brine-0123abcd-20260101T000000Z'
  mkdirSync(at('raced'))
  const [inFolder, asFile] = [at('raced'), at('raced/own.gz')].map((to) => backupTarget(to, `${stem}.tar.gz`, []))
  for (const name of [`${stem}.tar.gz`, `${stem}-2.tar.gz`, 'own.gz']) writeFileSync(at('raced', name), 'first')
  expect(await inFolder?.write(bytes, 4)).toEqual({ file: at('raced', `${stem}-3.tar.gz`), size: 4 })
  await expect(asFile?.write(Readable.from([Buffer.from('late')]), 4)).rejects.toMatchObject({ code: 'file-exists' })
  expect(readdirSync(at('raced')).sort()).toEqual([`${stem}-2.tar.gz`, `${stem}-3.tar.gz`, `${stem}.tar.gz`, 'own.gz'])
  expect(readFileSync(at('raced/own.gz'), 'utf8')).toBe('first')
})

it('a signal that ends a restore takes away what it built, the folders too', async () => {
  const into = at('above/made')
  // a backup of which nothing comes keeps it waiting, with the lock held and the folder made
  const stdio: StdioOptions = ['pipe', 'ignore', 'ignore']
  const child = spawn(process.execPath, [RUN, 'restore', '-', '--into', into, '--yes'], { stdio })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  await vi.waitUntil(() => existsSync(join(into, '.restoring')), { timeout: 30_000, interval: 20 })
  child.kill('SIGINT')
  expect([await ended, existsSync(at('above'))]).toEqual([130, false])
})

it('a FIFO and a device are no backup, and nobody waits for them; what comes through a pipe is one', async () => {
  const fifo = at('fifo')
  execFileSync('mkfifo', [fifo])
  for (const source of [fifo, '/dev/zero']) {
    expect(await restore(at('from-fifo'), source)).toEqual([2, 'file-unreadable'])
    expect((await runBrine(['backup', 'verify', source])).stderr).toMatch(/it is a (FIFO|device), not a file/)
  }
  expect(existsSync(at('from-fifo'))).toBe(false)
  const piped = spawnSync('sh', ['-c', `cat "$0" | "$1" "$2" backup verify /dev/stdin`, backup, process.execPath, RUN])
  expect([piped.status, String(piped.stderr)]).toEqual([0, ''])
})

describe('how far a backup is', () => {
  /** With 4 MiB in it: less than one is done before anybody looks. */
  function large(name: string): string {
    const dir = copyDir(at('data'), at(name))
    appendFileSync(join(dir, 'brine.toml'), `${`# ${'x'.repeat(1022)}\n`.repeat(4096)}`)
    return dir
  }

  it('is one line on a terminal, gone at the end', (context) => {
    const script = needProgram(context, 'script')
    const line = `'${process.execPath}' '${RUN}' --data-dir '${large('large')}' backup create '${at('shown.gz')}' --plain`
    const { status, stdout } = spawnSync(script, ['-qec', line, '/dev/null'], { encoding: 'utf8' })
    expect(status, stdout).toBe(0)
    expect(stdout).toMatch(/\[#*-+\] +\d+% MiB backed up \d\/\d+/)
    expect(stdout.lastIndexOf('\r\u001b[K')).toBeGreaterThan(stdout.lastIndexOf('MiB backed up'))
  })

  it('is nothing where nobody watches', async () => {
    const { stderr } = await brine(['backup', 'create', at('unseen.gz'), '--plain'], { dataDir: large('large-too') })
    expect(stderr).toBe('')
  })
})
