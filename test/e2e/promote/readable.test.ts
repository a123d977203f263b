/**
 * A copy made under umask 077, as by `tar`, `cp -r` or a nightly job of root: after promote, tick, recover or pubserver write another user
 * reads every file of the published tree, and where it cannot, status and audit verify say so.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { brine, runBrine } from '../../support/processes/cli.js'
import { newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('readable')
const original = join(scratch.dir, 'original')
const copy = join(scratch.dir, 'copy')
const isRoot = process.getuid?.() === 0

beforeAll(async () => {
  await newTestbed(original)
  execFileSync('sh', ['-c', `umask 077; cp -r ${original} ${copy}`])
})
afterAll(scratch.remove)

/** The files and folders of the published tree that a user without rights cannot read; by their modes where this is not root. */
function unreadable(dir = copy): string {
  const served = ['rsync', 'rrdp', 'ta'].map((name) => join(dir, 'repo', name))
  const find = [
    'find',
    ...served,
    '(',
    '-type',
    'f',
    '!',
    '-perm',
    '-004',
    ')',
    '-o',
    '(',
    '-type',
    'd',
    '!',
    '-perm',
    '-005',
    ')',
  ]
  const who = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'find', ...served, '!', '-readable']
  const [program = '', ...args] = isRoot ? who : find
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: '/' })
  return stdout + stderr
}

const close = (): void => void execFileSync('chmod', ['-R', 'go-rwx', join(copy, 'repo')])
const concerns = async (): Promise<readonly string[]> => {
  const ran = await runBrine(['status', '--json'], { dataDir: copy })
  return (
    ran
      .json<{ concerns: { code: string; level: string; message: string }[] }>()
      // the audits here have findings on purpose, which status tells until an audit has none
      .concerns.filter(({ code }) => code !== 'audit-findings')
      .map((c) => `${c.level} ${c.code}`)
  )
}

it('promote opens the tree, its objects and the data directory', async () => {
  expect(unreadable()).not.toBe('')
  await brine(['promote', '--reason', 'moved', '--yes'], { dataDir: copy })
  expect(unreadable()).toBe('')
  expect((statSync(copy).mode & 0o777).toString(8)).toBe('711')
  expect(await concerns()).toEqual([])
  await brine(['audit', 'verify'], { dataDir: copy })
})

describe('a promoted tree that was closed later', () => {
  beforeEach(close)

  it.each<[string, readonly string[]]>([
    ['tick', ['tick']],
    ['republish', ['republish']],
    ['recover', ['recover']],
    ['pubserver write', ['pubserver', 'write']],
    ['a change', ['ca', 'add', 'new', '--under', 'testbed', '--resources', '10.0.0.0/8']],
  ])('is opened by %s', async (name, args) => {
    if (name === 'tick') {
      expect(await concerns()).toContain('critical served-unreadable')
      expect((await runBrine(['status', '--nagios'], { dataDir: copy })).code).toBe(2)
      const verified = await runBrine(['audit', 'verify'], { dataDir: copy })
      expect([verified.code, verified.stdout]).toEqual([12, expect.stringContaining('repo/ta/ta.cer: cannot be read')])
    }
    await brine(args, { dataDir: copy })
    // a small change opens what it writes, and the next tick the rest
    if (name === 'a change') await brine(['tick'], { dataDir: copy })
    expect(unreadable()).toBe('')
  })
})

it('the data directory is opened by tick, and a folder above it is reported', async () => {
  chmodSync(copy, 0o700)
  expect(await concerns()).toContain('critical served-unreadable')
  await brine(['tick'], { dataDir: copy })
  expect(unreadable()).toBe('')
  chmodSync(scratch.dir, 0o700)
  const ran = await runBrine(['status', '--json'], { dataDir: copy })
  const { concerns: found } = ran.json<{ concerns: { code: string }[] }>()
  expect(found.filter(({ code }) => code !== 'audit-findings')).toEqual([
    {
      level: 'critical',
      code: 'served-unreadable',
      message: `${scratch.dir} closes the published tree to the user of the web server and the rsync daemon (mode 700)`,
      hint: `chmod o+x ${scratch.dir}, or make that user a member of its group`,
    },
  ])
  expect((await runBrine(['audit', 'verify'], { dataDir: copy })).stdout).toContain(
    `${scratch.dir}: closes the published`,
  )
  chmodSync(scratch.dir, 0o755)
  expect(await concerns()).toEqual([])
})

it('folders that others can write are reported by status and audit verify', async () => {
  for (const name of ['cas', 'objects', 'keys', 'ssl']) chmodSync(join(copy, name), 0o777)
  expect(await concerns()).toEqual(['critical exposed'])
  const { stdout } = await runBrine(['audit', 'verify'], { dataDir: copy })
  for (const name of ['cas', 'objects', 'keys', 'ssl'])
    expect(stdout).toContain(`${name}: can be written by other users`)
})
