/** A data directory that is none, is another's, cannot be written, or lost a part: told as what it is, never made anew by accident. */
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runBrine } from '../../support/processes/cli.js'
import {
  canMount,
  expectRefused,
  footprint,
  inTurn,
  makeSandbox,
  NEXT_DAY,
  NOW,
  type Sandbox,
  STANDING,
  withoutRecords,
} from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }
let outside = ''

beforeAll(async () => {
  sandbox = await makeSandbox()
  outside = join(sandbox.dir, '..')
})
afterAll(() => sandbox.remove())

const ADD = ['roa', 'add', 'acme', '192.0.2.0/25=AS64496']
const TESTBED = ['testbed', 'init', '--rsync', 'rsync://h/r/', '--rrdp', 'https://h/r/']
const ANY = [
  ['ca', 'list'],
  ['roa', 'list', 'acme'],
  ADD,
  ['ca', 'add', 'x'],
  ['republish'],
  ['tick'],
  ['pubserver', 'write'],
]

const at = (dir: string): Pick<Sandbox, 'run'> => ({
  run: (args, options = {}) => runBrine(args, { dataDir: dir, ...options }),
})

/** The key of acme. */
async function keyOf(box: Sandbox): Promise<string> {
  const shown = (await box.run(['ca', 'show', 'acme', '--json'])).json<{ classes: { keys: { ski: string }[] }[] }>()
  return join(box.dir, 'keys', shown.classes[0]?.keys[0]?.ski ?? '')
}

describe('a directory that is none', () => {
  it('B020: missing, empty, foreign, a file: exit 10 with the path, and nothing is made', async () => {
    const dirs = ['missing', 'empty', 'foreign', 'file'].map((name) => join(outside, name))
    const [missing = '', empty = '', foreign = '', file = ''] = dirs
    mkdirSync(empty)
    mkdirSync(foreign)
    writeFileSync(join(foreign, 'letter.txt'), 'mine')
    writeFileSync(file, 'mine')
    const cases = dirs.flatMap((dir) => ANY.map((args) => [dir, args] as const))
    await inTurn(cases, ([dir, args]) => expectRefused(at(dir), args, { exit: 10, code: 'no-data-dir', says: [dir] }))
    expect(existsSync(missing)).toBe(false)
    expect(readdirSync(empty)).toEqual([])
    expect(readFileSync(file, 'utf8')).toBe('mine')
    for (const args of [['init'], TESTBED])
      await expectRefused(at(foreign), args, { exit: 1, code: 'init-not-empty', says: [foreign, 'letter.txt'] })
    expect(readdirSync(foreign)).toEqual(['letter.txt'])
    expect((await at(empty).run(['init'])).code).toBe(0)
    await expectRefused(at(empty), ['init'], { exit: 1, code: 'init-not-empty', says: ['is already a data directory'] })
  })

  it('no data directory named at all, or an empty name: usage', async () => {
    await expectRefused({ run: (args) => runBrine(args) }, ['ca', 'list'], { exit: 2, code: 'data-dir-missing' })
    await expectRefused(at(''), ['ca', 'list'], { exit: 2, code: 'data-dir-missing' })
    await expectRefused({ run: (args) => runBrine(args) }, ['--data-dir', '', 'ca', 'list'], {
      exit: 2,
      code: 'value-empty',
    })
  })

  it('one that others may write to is refused', async () => {
    const box = sandbox.copy()
    for (const mode of [0o777, 0o771, 0o713]) {
      chmodSync(box.dir, mode)
      await expectRefused(box, ['ca', 'list'], {
        exit: 19,
        code: 'data-dir-exposed',
        says: [box.dir, mode.toString(8), 'chmod go-w'],
      })
    }
  })

  it('one of another user is refused', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to give a directory away')
    const box = sandbox.copy()
    spawnSync('chown', ['12345', box.dir])
    await expectRefused(box, ['ca', 'list'], { exit: 19, code: 'data-dir-foreign', says: ['12345'] })
  })
})

describe('a directory by other names', () => {
  it('B020, B137: relative, or through a symbolic link', async () => {
    const box = sandbox.copy()
    const link = join(outside, 'link')
    symlinkSync(box.dir, link)
    const listed = await runBrine(['roa', 'list', 'acme', '--data-dir', relative(outside, box.dir)], { cwd: outside })
    expect(listed.stdout).toContain('192.0.2.0/24')
    expect((await runBrine([...ADD, '--data-dir', 'link'], { cwd: outside, now: NOW })).code).toBe(0)
    expect((await box.run(['roa', 'list', 'acme'])).stdout).toContain('192.0.2.0/25')
  })
})

describe('another format', () => {
  it('a newer one: exit 13 and untouched, whatever is asked; init does not start over', async () => {
    const box = sandbox.copy()
    const marker = join(box.dir, 'brine.json')
    writeFileSync(marker, readFileSync(marker, 'utf8').replace('"format":2', '"format":3'))
    const before = footprint(box.dir)
    await inTurn([...ANY, TESTBED], (args) =>
      expectRefused(box, args, { exit: 13, code: 'format-newer', says: ['brine.json', 'data format 3'] }),
    )
    await expectRefused(box, ['init', '--test'], { exit: 1, code: 'init-not-empty' })
    expect(footprint(box.dir)).toEqual(before)
  })

  it('a newer record inside: exit 13, not corrupt', async () => {
    const box = sandbox.copy()
    const commits = join(box.dir, 'commits')
    const newest = join(commits, `${Math.max(...readdirSync(commits).map((name) => Number.parseInt(name, 10)))}.json`)
    writeFileSync(newest, readFileSync(newest, 'utf8').replace('"format":3', '"format":7'))
    rmSync(join(box.dir, 'status', 'head.json'))
    await expectRefused(box, ['roa', 'list', 'acme'], { exit: 13, code: 'format-newer', says: ['data format 7'] })
  })

  it('a marker that is no JSON: exit 12, and no command takes it for an empty directory', async () => {
    const box = sandbox.copy()
    writeFileSync(join(box.dir, 'brine.json'), '{"format":1')
    const before = footprint(box.dir)
    await inTurn([...ANY, TESTBED], (args) =>
      expectRefused(box, args, { exit: 12, code: 'file-damaged', says: ['brine.json'] }),
    )
    await expectRefused(box, ['init', '--test'], { exit: 1, code: 'init-not-empty' })
    expect(footprint(box.dir)).toEqual(before)
  })
})

describe('a part that vanished', () => {
  interface Republished {
    readonly republished: readonly string[]
    readonly failed: readonly { readonly ca: string; readonly code: string }[]
  }

  async function expectServed(box: Sandbox, failed: readonly string[], served: readonly string[]): Promise<void> {
    const result = await box.run(['republish', '--now', '--json'], { now: NEXT_DAY })
    expect(result.code, result.stdout).toBe(3)
    const report = result.json<Republished>()
    expect(report.failed.map((f) => f.ca)).toEqual(failed)
    expect(report.republished).toEqual(served)
    const tick = await box.run(['tick', '--json'], { now: NEXT_DAY })
    expect([tick.code, tick.json<Republished>().failed.map((f) => f.ca)]).toEqual([3, failed])
  }

  it('cas/acme: exit 12 for acme alone; the others are listed, changed and published', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'cas', 'acme'), { recursive: true })
    const before = withoutRecords(footprint(box.dir))
    const gone = { exit: 12, code: 'file-missing', says: [join('cas', 'acme'), 'brine recover ca/acme'] }
    const own = [
      ['roa', 'list', 'acme'],
      ['ca', 'show', 'acme'],
      ADD,
      ['ca', 'remove', 'acme', '--yes'],
      ['child', 'update', 'testbed', 'acme', '--add', 'AS1', '--yes'],
    ]
    for (const args of own) await expectRefused(box, args, gone)
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
    const list = await box.run(['ca', 'list', '--json'])
    expect(list.code).toBe(12)
    expect(list.json()).toMatchObject({ cas: [{ handle: 'testbed' }], failed: [{ ca: 'acme', code: 'file-missing' }] })
    await expectServed(box, ['acme'], ['ta', 'testbed'])
    expect(
      (await box.run(['ca', 'add', 'other', '--under', 'testbed', '--resources', 'AS1'], { now: NEXT_DAY })).code,
    ).toBe(0)
    expect(
      (await box.run(['child', 'update', 'testbed', 'other', '--resources', 'AS2', '--yes'], { now: NEXT_DAY })).code,
    ).toBe(0)
  })

  it('pubd/0: exit 12 for what publishes, never a second server; what reads the CAs goes on', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'pubd', '0'), { recursive: true })
    const before = footprint(box.dir)
    const gone = { exit: 12, code: 'file-missing', says: [join('pubd', '0'), 'brine recover pubserver/0'] }
    const init = ['pubserver', 'init', '--rsync', 'rsync://h/r/', '--rrdp', 'https://h/r/']
    for (const args of [ADD, ['pubserver', 'show'], ['pubserver', 'write'], init]) await expectRefused(box, args, gone)
    expect((await box.run(['roa', 'list', 'acme'])).stdout).toContain('published')
    const result = await box.run(['republish', '--now', '--json'], { now: NEXT_DAY })
    expect([result.code, result.json<Republished>().republished]).toEqual([3, []])
    expect(footprint(box.dir)).toEqual(before)
  })

  it('ta/ta: the CAs below go on, and the served trust anchor stays', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'ta', 'ta'), { recursive: true })
    await expectRefused(box, ['ta', 'show'], { exit: 12, code: 'file-missing', says: [join('ta', 'ta')] })
    expect((await box.run(ADD)).code).toBe(0)
    await expectServed(box, ['ta'], ['acme', 'testbed'])
    expect(readdirSync(join(box.dir, 'repo', 'ta'))).toEqual(['ta.cer', 'ta.tal'])
  })

  it('commits: exit 12 and no new history over the old', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'commits'), { recursive: true })
    const before = footprint(box.dir)
    await inTurn([...ANY, TESTBED], (args) =>
      expectRefused(box, args, { exit: 12, code: 'commit-missing', says: ['commits'] }),
    )
    expect(footprint(box.dir)).toEqual(before)
  })

  it('a key: exit 12 with its path where it is needed, while the other CAs are published', async () => {
    const box = sandbox.copy()
    const path = await keyOf(box)
    renameSync(path, join(outside, 'key'))
    await expectRefused(box, ADD, { exit: 12, code: 'key-missing', says: [path] })
    await expectServed(box, ['acme'], ['ta', 'testbed'])
    renameSync(join(outside, 'key'), path)
    expect((await box.run(ADD, { now: NEXT_DAY })).code).toBe(0)
  })

  it('objects: exit 12 for what signs, and nothing is made; what reads the states goes on', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'objects'), { recursive: true })
    const before = withoutRecords(footprint(box.dir))
    await expectRefused(box, ADD, { exit: 12, code: 'folder-missing', says: ['objects', 'brine recover --from'] })
    const due = await box.run(['republish', '--now', '--json'], { now: NEXT_DAY })
    expect([due.code, due.json<Republished>().failed.map((f) => f.code)]).toEqual([
      3,
      ['folder-missing', 'folder-missing', 'folder-missing'],
    ])
    expect((await box.run(['roa', 'list', 'acme'])).stdout).toContain('published')
    expect(withoutRecords(footprint(box.dir))).toEqual(before)
    await expectRefused(box, ['pubserver', 'write'], {
      exit: 12,
      code: 'object-missing',
      says: ['objects', 'brine recover --from'],
    })
  })

  it('keys: exit 12 where a key is used and where one would be kept; nothing is made', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'keys'), { recursive: true })
    appendFileSync(join(box.dir, 'brine.toml'), '\nkey_pool_size = 1\n')
    const before = footprint(box.dir)
    await expectRefused(box, ADD, { exit: 12, code: 'key-missing', says: ['keys', 'brine recover --from'] })
    const lost = { exit: 12, code: 'folder-missing', says: ['keys', 'brine recover --from'] }
    await expectRefused(box, ['tick'], lost)
    expect(footprint(box.dir)).toEqual(before)
    const fresh = at(join(outside, 'keyless'))
    await fresh.run(['init', '--test'])
    await fresh.run(['pubserver', 'init', '--rsync', 'rsync://h/r/', '--rrdp', 'https://h/r/'])
    rmSync(join(outside, 'keyless', 'keys'), { recursive: true })
    await expectRefused(
      fresh,
      ['ta', 'init', '--tal-https', 'https://h/ta.cer', '--tal-rsync', 'rsync://h/ta.cer'],
      lost,
    )
  })

  it('cas: a new one is not begun beside what is lost', async () => {
    const box = sandbox.copy()
    rmSync(join(box.dir, 'cas'), { recursive: true })
    await expectRefused(box, ['ca', 'add', 'x'], { exit: 12, code: 'folder-missing', says: ['cas', 'brine recover'] })
    expect(existsSync(join(box.dir, 'cas'))).toBe(false)
  })

  it('what is derived is made again: status/, tmp/, repo/, the caches', async () => {
    const box = sandbox.copy()
    for (const name of ['status', 'tmp', 'repo', join('cas', 'acme', 'info.json'), join('pubd', '0', 'info.json')])
      rmSync(join(box.dir, name), { recursive: true })
    expect((await box.run(ADD)).code).toBe(0)
    const { roas } = (await box.run(['roa', 'list', 'acme', '--json'])).json<{ roas: { state: string }[] }>()
    expect(roas.map((roa) => roa.state)).toEqual(['published', 'published'])
    expect(existsSync(join(box.dir, 'repo', 'rrdp', 'notification.xml'))).toBe(true)
  })
})

describe('keys', () => {
  it('B133: a key file or folder that others can read is refused (19), with the command that mends it', async () => {
    const box = sandbox.copy()
    const keys = join(box.dir, 'keys')
    const files = readdirSync(keys)
      .filter((name) => name !== 'pool')
      .map((name) => join(keys, name))
    for (const mode of [0o644, 0o640, 0o604]) {
      for (const file of files) chmodSync(file, mode)
      const before = footprint(box.dir)
      await expectRefused(box, ADD, { exit: 19, code: 'key-exposed', says: [keys, mode.toString(8), 'chmod 0600'] })
      expect(footprint(box.dir)).toEqual(before)
    }
    for (const file of files) chmodSync(file, 0o600)
    chmodSync(keys, 0o755)
    await expectRefused(box, ADD, { exit: 19, code: 'key-exposed', says: [keys, '755', 'chmod 0700'] })
    chmodSync(keys, 0o700)
    expect((await box.run(ADD)).code).toBe(0)
  })

  it('B136: the keys folder, a key or the folder of a CA that is a symbolic link: nothing is read or written through it', async () => {
    const places = [
      ['keys', { exit: 19, code: 'key-link' }],
      [join('keys', 'pool'), { exit: 19, code: 'key-link' }],
      [join('keys', 'acme'), { exit: 19, code: 'key-link' }],
      [join('cas', 'acme'), { exit: 14, code: 'folder-link' }],
    ] as const
    for (const [place, refusal] of places) {
      const box = sandbox.copy()
      const path = place.endsWith('keys/acme') ? await keyOf(box) : join(box.dir, place)
      const elsewhere = `${box.dir}-elsewhere`
      mkdirSync(elsewhere)
      renameSync(path, join(elsewhere, 'it'))
      symlinkSync(join(elsewhere, 'it'), path)
      const before = footprint(elsewhere)
      await expectRefused(box, ADD, { ...refusal, says: [path, 'symbolic link'] })
      expect(footprint(elsewhere)).toEqual(before)
    }
  })
})

describe('a directory that cannot be written', () => {
  const mounted = (box: Sandbox, ...commands: readonly (readonly string[])[]): string => {
    const brine = [process.execPath, join(import.meta.dirname, '../../../bin/run.js'), '--json', '--data-dir', box.dir]
    const line = (args: readonly string[]) => [...brine, ...args].map((word) => `'${word}'`).join(' ')
    const script = [
      `mount --bind '${box.dir}' '${box.dir}'`,
      `mount -o remount,bind,ro '${box.dir}'`,
      ...commands.map((args) => `${line(args)}; echo "exit $?"`),
    ].join('\n')
    const env = { PATH: process.env['PATH'] ?? '', HOME: '/', BRINE_NOW: NOW }
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-ec', `set +e\n${script}`], { env, encoding: 'utf8' })
    return stdout + stderr
  }

  it('B140: reads work, a write is exit 14 and says read-only, and all is well afterwards', async (context) => {
    if (!canMount()) context.skip('needs root and unshare(1) for a read-only mount')
    const box = sandbox.copy()
    const before = footprint(box.dir, /^$/)
    const reads = mounted(box, ['roa', 'list', 'acme'], ['ca', 'list'], ['pubserver', 'show'])
    expect(reads.match(/^exit \d+/gm)).toEqual(['exit 0', 'exit 0', 'exit 0'])
    expect(reads).toContain(STANDING.slice(0, 12))
    for (const args of [ADD, ['ca', 'add', 'x'], ['republish', '--now'], ['pubserver', 'write']]) {
      const told = mounted(box, args)
      expect(told).toMatch(/exit 14/)
      expect(told).toMatch(/"code": "io-read-only"/)
      expect(told).toMatch(/"changed": "no"/)
    }
    const rejected = mounted(box, ['roa', 'add', 'acme', '10.0.0.0/8=AS1'])
    expect(rejected).toMatch(/"code": "roa-not-held"[\s\S]*not recorded: EROFS[\s\S]*exit 1\n/)
    expect(footprint(box.dir, /^$/)).toEqual(before)
    expect((await box.run(ADD)).code).toBe(0)
  })
})
