/** `brine pubserver push`: two phases over several targets, each complete at every instant, old files for two hours, and an rsync daemon. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { freePort, startServer } from '../../support/peers/servers.js'
import { findProgram } from '../../support/peers/validators.js'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { sampled } from '../../support/processes/sample.js'
import { NOW, refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'
import { filesOf, rsyncFiles, wholeSerial } from '../../support/sites/pushed.js'

const RRDP = 'https://localhost/rrdp/'
const LATER = '2026-11-21T13:00:00Z'
const AFTER = '2026-11-21T14:10:00Z'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Row {
  readonly target: string
  readonly ok: boolean
  readonly from: number | null
  readonly switched: boolean
  readonly files: number
  readonly removed: number
  readonly error: { readonly code: string } | null
}
interface Report {
  readonly serial: number
  readonly failed: number
  readonly targets: readonly Row[]
}

const push = async (dataDir: string, targets: readonly string[], now = NOW): Promise<Report> => {
  const ran = await runBrine(['pubserver', 'push', ...targets, '--json'], { dataDir, now })
  expect(ran.stderr).toBe('')
  return ran.json<Report>()
}
const roa = async (dataDir: string, words: readonly string[], now = NOW): Promise<void> => {
  const ran = await runBrine(['roa', ...words], { dataDir, now })
  expect([ran.code, ran.stderr]).toEqual([0, ''])
}
const needsRsync = (context: TestContext): string => needProgram(context, 'rsync')
const repoOf = (dataDir: string): string => join(dataDir, 'repo')
const notificationOf = (folder: string): string => join(folder, 'rrdp', 'notification.xml')

describe('pubserver push', () => {
  it('copies the published tree, its times too, and does nothing the next time', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const targets = [join(box.path, 'one'), join(box.path, 'two')]
    const first = await push(dataDir, targets)
    expect(first).toMatchObject({
      failed: 0,
      targets: targets.map((target) => ({ target, ok: true, from: null, switched: true })),
    })
    for (const target of targets) {
      expect(filesOf(join(target, 'rrdp'))).toEqual(filesOf(join(repoOf(dataDir), 'rrdp')))
      expect(filesOf(join(target, 'ta'))).toEqual(filesOf(join(repoOf(dataDir), 'ta')))
      expect(rsyncFiles(target)).toEqual(rsyncFiles(repoOf(dataDir)))
      for (const path of rsyncFiles(target).keys()) {
        const [a, b] = [target, repoOf(dataDir)].map((root) => statSync(join(root, 'rsync', 'current', path)))
        expect([a?.mtimeMs, (a?.mode ?? 0) & 0o777]).toEqual([b?.mtimeMs, 0o644])
      }
    }
    const again = await push(dataDir, targets)
    expect(again.targets.map(({ switched, files, from }) => [switched, files, from])).toEqual([
      [false, 0, first.serial],
      [false, 0, first.serial],
    ])
    const text = await runAt(dataDir, ['pubserver', 'push', ...targets])
    expect(text.stdout).toContain(`${targets[0]}: serves serial ${first.serial} already\n`)
  })

  it('with --dry-run says what it would send and switch, and writes nothing', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const [served, fresh] = [join(box.path, 'served'), join(box.path, 'not', 'yet')] as const
    const { serial } = await push(dataDir, [served])
    await roa(dataDir, ['add', 'acme', '192.0.2.0/26 => 64497'], LATER)
    const before = filesOf(served)
    const record = readFileSync(join(dataDir, 'status', 'push.json'))
    const ran = await runBrine(['pubserver', 'push', served, fresh, '--dry-run', '--json'], { dataDir, now: LATER })
    const report = ran.json<Report & { readonly dryRun: boolean }>()
    expect(report).toMatchObject({
      dryRun: true,
      failed: 0,
      targets: [
        { ok: true, from: serial, switched: true },
        { ok: true, from: null, switched: true },
      ],
    })
    expect(filesOf(served)).toEqual(before)
    expect(existsSync(join(box.path, 'not'))).toBe(false)
    expect(readFileSync(join(dataDir, 'status', 'push.json'))).toEqual(record)
    // the same counts as when it is done
    mkdirSync(join(box.path, 'not'))
    const done = await push(dataDir, [served, fresh], LATER)
    expect(done.targets.map(({ files }) => files)).toEqual(report.targets.map(({ files }) => files))
    expect((await push(dataDir, [served], LATER)).targets).toMatchObject([{ switched: false, files: 0 }])
  })

  it('switches to another tree, and keeps what readers may still use for two hours', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const target = join(box.path, 'kept')
    await push(dataDir, [target])
    const old = [...filesOf(join(target, 'rrdp')).keys()].filter((path) => path.endsWith('snapshot.xml'))
    const [tree, content] = [readlinkSync(join(target, 'rsync', 'current')), rsyncFiles(target)]
    await roa(dataDir, ['add', 'acme', '192.0.2.0/24 => 64496'])
    const { serial, targets } = await push(dataDir, [target])
    expect(targets[0]).toMatchObject({ ok: true, from: serial - 1, switched: true, removed: 0 })
    expect(wholeSerial(target, RRDP)).toBe(serial)
    expect(rsyncFiles(target)).toEqual(rsyncFiles(repoOf(dataDir)))
    // a reader of the old tree and of the old notification
    expect(readlinkSync(join(target, 'rsync', 'current'))).not.toBe(tree)
    expect(filesOf(join(target, 'rsync', tree))).toEqual(content)
    expect(existsSync(join(target, 'rrdp', old[0] ?? ''))).toBe(true)
    // the files of the target alone: those of the published tree are removed by its own writer
    const stray = join(target, 'rrdp', '00000000-0000-4000-8000-000000000000', '9', 'a'.repeat(32), 'delta.xml')
    mkdirSync(join(stray, '..'), { recursive: true })
    writeFileSync(stray, '')
    writeFileSync(join(target, 'rrdp', 'robots.txt'), '')
    await push(dataDir, [target])
    await push(dataDir, [target], LATER)
    expect([existsSync(stray), existsSync(join(target, 'rrdp', old[0] ?? ''))]).toEqual([true, true])
    await roa(dataDir, ['add', 'acme', '192.0.2.0/25 => 64496'], AFTER)
    const last = await push(dataDir, [target], AFTER)
    expect(last.targets[0]?.removed).toBeGreaterThan(0)
    expect([existsSync(stray), existsSync(join(target, 'rrdp', old[0] ?? ''))]).toEqual([false, false])
    expect(existsSync(join(target, 'rrdp', 'robots.txt'))).toBe(true)
    expect(wholeSerial(target, RRDP)).toBe(last.serial)
    // the tree without readers was filled again
    expect(readlinkSync(join(target, 'rsync', 'current'))).toBe(tree)
    expect(rsyncFiles(target)).toEqual(rsyncFiles(repoOf(dataDir)))
  })

  it('repairs a target that was damaged: a file of the same size and time', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const target = join(box.path, 'damaged')
    await push(dataDir, [target])
    const [path = ''] = rsyncFiles(target).keys()
    const full = join(target, 'rsync', 'current', path)
    const { atime, mtime, size } = statSync(full)
    writeFileSync(full, Buffer.alloc(size))
    utimesSync(full, atime, mtime)
    expect((await push(dataDir, [target])).targets[0]).toMatchObject({ ok: true, switched: true })
    expect(rsyncFiles(target)).toEqual(rsyncFiles(repoOf(dataDir)))
  })

  it('a target that fails does not keep the others back: 3, and 15 if all fail', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const [good, bad] = [join(box.path, 'good'), join(box.path, 'absent', 'bad')]
    const some = await runAt(dataDir, ['pubserver', 'push', bad, good, '--json'])
    expect([some.code, some.json<Report>().targets.map(({ ok }) => ok)]).toEqual([3, [false, true]])
    expect(wholeSerial(good, RRDP)).toBe(some.json<Report>().serial)
    const none = await runAt(dataDir, ['pubserver', 'push', bad, '--quiet'])
    expect([none.code, none.stdout, none.stderr]).toEqual([15, '', expect.stringContaining(`${bad}: `)])
  })

  it('refuses a target of another program, and one that is ahead', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const [foreign, ahead] = [join(box.path, 'foreign'), join(box.path, 'ahead')]
    mkdirSync(join(foreign, 'rsync', 'current', 'x'), { recursive: true })
    await push(dataDir, [ahead])
    const text = readFileSync(notificationOf(ahead), 'utf8')
    writeFileSync(
      notificationOf(ahead),
      text.replace(/serial="(\d+)"/, (_, n: string) => `serial="${Number(n) + 1}"`),
    )
    const ran = await runAt(dataDir, ['pubserver', 'push', foreign, ahead, '--json'])
    expect(ran.json<Report>().targets.map(({ error }) => error?.code)).toEqual([
      'push-target-foreign',
      'push-target-ahead',
    ])
    expect(ran.code).toBe(15)
  })

  it('takes the targets of the configuration, and refuses what is none', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    expect(await refusalOf(dataDir, ['pubserver', 'push'])).toEqual([2, 'push-targets-missing'])
    for (const text of ['relative', 'host:relative', dataDir, repoOf(dataDir), box.path])
      expect(await refusalOf(dataDir, ['pubserver', 'push', text])).toEqual([2, 'push-target-invalid'])
    const target = join(box.path, 'configured')
    const section = `[[repository.server]]\nname = "one"\nrsync = "rsync://one/repo/"\npush = "${target}"\n`
    writeFileSync(join(dataDir, 'brine.toml'), section)
    expect((await push(dataDir, [])).targets.map((row) => row.target)).toEqual([target])
    writeFileSync(join(dataDir, 'brine.toml'), `${section}nome = 1\n`)
    expect(await refusalOf(dataDir, ['pubserver', 'push'])).toEqual([2, 'config-section-invalid'])
  })

  it('is refused before a first publication, and without rsync', async (context) => {
    needsRsync(context)
    const empty = join(box.path, 'empty')
    await runAt(empty, ['init', '--test'])
    expect(await refusalOf(empty, ['pubserver', 'push', join(box.path, 't')])).toEqual([2, 'push-nothing-published'])
    const none = await runAt(box.dataDir, ['pubserver', 'push', join(box.path, 't'), '--json'], {
      env: { PATH: '/nowhere' },
    })
    expect([none.code, none.json<{ error: { code: string } }>().error.code]).toEqual([15, 'rsync-missing'])
  })

  it('writes to the module of an rsync daemon, and says so if that module breaks the link', async (context) => {
    const program = needsRsync(context)
    const dataDir = box.copy()
    const port = await freePort()
    const folders = ['whole', 'munged'].map((name) => join(box.path, 'daemon', name))
    for (const folder of folders) mkdirSync(folder, { recursive: true })
    const config = join(box.path, 'daemon.conf')
    const account = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : ''
    writeFileSync(
      config,
      `${account}use chroot = no\nread only = no\n[whole]\npath = ${folders[0]}\nmunge symlinks = no\n[munged]\npath = ${folders[1]}\nmunge symlinks = yes\n`,
    )
    const args = ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${config}`]
    const server = await startServer(program, args, port)
    try {
      const targets = ['whole', 'munged'].map((name) => `rsync://127.0.0.1:${port}/${name}`)
      const { targets: rows, serial } = await push(dataDir, targets)
      expect(rows.map(({ error }) => error?.code)).toEqual([undefined, 'push-link-refused'])
      expect(wholeSerial(folders[0] ?? '', RRDP)).toBe(serial)
      await roa(dataDir, ['add', 'acme', '192.0.2.0/24 => 64496'])
      expect((await push(dataDir, targets.slice(0, 1))).targets[0]).toMatchObject({ ok: true, from: serial })
      expect(rsyncFiles(folders[0] ?? '')).toEqual(rsyncFiles(repoOf(dataDir)))
    } finally {
      await server.stop()
    }
    const gone = await runAt(dataDir, [
      'pubserver',
      'push',
      `rsync://127.0.0.1:${port}/whole`,
      '--timeout',
      '5s',
      '--json',
    ])
    expect([gone.code, gone.json<Report>().targets[0]?.error?.code]).toEqual([15, 'rsync-failed'])
  })
})

describe('between two runs of rsync', () => {
  /** An rsync that copies the targets into a folder of its own after each of its runs, one run after the other. */
  function recorder(folder: string, targets: readonly string[]): Record<string, string> {
    const real = findProgram('rsync') ?? ''
    mkdirSync(folder, { recursive: true })
    const script = [
      '#!/bin/sh',
      // the last target is far behind the others
      `case "$*" in *${targets.at(-1)}*) sleep 0.3;; esac`,
      `exec 9>${folder}/lock; flock 9`,
      `${real} "$@" 9>&-; code=$?`,
      `n=$(ls ${folder} | wc -l); mkdir ${folder}/$((n + 1000))`,
      ...targets.map((target, n) => `[ ! -d ${target} ] || cp -a ${target} ${folder}/$((n + 1000))/${n}`),
      'exit $code',
    ]
    writeFileSync(join(folder, 'rsync'), `${script.join('\n')}\n`)
    chmodSync(join(folder, 'rsync'), 0o755)
    return { PATH: `${folder}:${process.env['PATH']}` }
  }

  it('each target is complete, and none is switched before all have every file', async (context) => {
    needsRsync(context)
    needProgram(context, 'flock')
    const dataDir = box.copy()
    const targets = ['first', 'second', 'third'].map((name) => join(box.path, 'phases', name))
    mkdirSync(join(box.path, 'phases'))
    const { serial } = await push(dataDir, targets)
    const before = rsyncFiles(targets[0] ?? '')
    await roa(dataDir, ['add', 'acme', '192.0.2.0/24 => 64496'])
    const [after, next] = [rsyncFiles(repoOf(dataDir)), readFileSync(notificationOf(repoOf(dataDir)))]
    const folder = join(box.path, 'recorder')
    const ran = await runAt(dataDir, ['pubserver', 'push', ...targets], { env: recorder(folder, targets) })
    expect([ran.code, ran.stderr]).toEqual([0, ''])

    const moments = readdirSync(folder)
      .filter((name) => /^\d+$/.test(name))
      .sort()
    expect(moments.length).toBeGreaterThan(15)
    const switched = moments.map((name) =>
      targets.map((_, n) => {
        const target = join(folder, name, String(n))
        const rrdp = wholeSerial(target, RRDP)
        expect([serial, serial + 1]).toContain(rrdp)
        const files = [...rsyncFiles(target)]
        expect([[...before], [...after]]).toContainEqual(files)
        return rrdp > serial || files.length === after.size
      }),
    )
    expect(switched.at(-1)).toEqual([true, true, true])
    const first = moments[switched.findIndex((row) => row.includes(true))] ?? ''
    for (const n of targets.keys()) {
      // what the new notification lists and the new tree are there, whether this target has been switched or not
      const target = join(folder, first, String(n))
      writeFileSync(notificationOf(target), next)
      expect(wholeSerial(target, RRDP)).toBe(serial + 1)
      const trees = readdirSync(join(target, 'rsync')).filter((name) => name !== 'current')
      const contents = trees.map((name) => [...filesOf(join(target, 'rsync', name))])
      expect(contents).toContainEqual([...after])
    }
  })
})

describe('a push that is killed', () => {
  /** An rsync that counts its runs in a file, and kills the program that started it at one of them: before it, in it, or after it. */
  function shim(folder: string, at: number, moment: 'before' | 'within' | 'after'): Record<string, string> {
    const real = findProgram('rsync') ?? ''
    mkdirSync(folder, { recursive: true })
    rmSync(join(folder, 'count'), { force: true })
    const script = [
      '#!/bin/sh',
      `echo >> ${folder}/count`,
      `if [ "$(wc -l < ${folder}/count)" -ne ${at} ]; then exec ${real} "$@"; fi`,
      ...(moment === 'before' ? ['kill -9 $PPID; exit 1'] : []),
      ...(moment === 'within' ? [`timeout -s KILL 0.02 ${real} "$@"; kill -9 $PPID; exit 1`] : []),
      `${real} "$@"; kill -9 $PPID`,
    ]
    writeFileSync(join(folder, 'rsync'), `${script.join('\n')}\n`)
    chmodSync(join(folder, 'rsync'), 0o755)
    return { PATH: `${folder}:${process.env['PATH']}` }
  }

  const RUNS = 14
  const MOMENTS = ['before', 'within', 'after'] as const
  const cases = Array.from({ length: RUNS }, (_, n) => n + 2).flatMap((n) => MOMENTS.map((m) => [n, m] as const))

  it('leaves each target complete, with the old version or the new one, and the next push completes it', async (context) => {
    needsRsync(context)
    const dataDir = box.copy()
    const target = join(box.path, 'killed')
    await push(dataDir, [target])
    let before = rsyncFiles(target)
    let serial = wholeSerial(target, RRDP)
    const endings = new Set<RunResult['signal']>()
    for (const [index, [at, moment]] of sampled(cases, 5).entries()) {
      await roa(dataDir, [index % 2 === 0 ? 'add' : 'remove', 'acme', '192.0.2.0/24 => 64496'])
      const env = shim(join(box.path, 'shim'), at, moment)
      const ran = await runAt(dataDir, ['pubserver', 'push', target], { env })
      endings.add(ran.signal)
      const after = rsyncFiles(repoOf(dataDir))
      expect([serial, serial + 1], `${at} ${moment}`).toContain(wholeSerial(target, RRDP))
      expect([[...before], [...after]], `${at} ${moment}`).toContainEqual([...rsyncFiles(target)])
      const healed = await push(dataDir, [target])
      expect(healed, `${at} ${moment}`).toMatchObject({ failed: 0, serial: serial + 1 })
      expect(rsyncFiles(target)).toEqual(after)
      before = after
      serial = wholeSerial(target, RRDP)
      expect(serial).toBe(healed.serial)
    }
    expect(endings).toContain('SIGKILL')
  }, 7_200_000)
})
