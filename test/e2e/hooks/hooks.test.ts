/** Hooks by the built program: what they receive, and what a bad one cannot do. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let count = 0
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Site {
  readonly dir: string
  readonly program: string
  readonly out: string
}

/** A directory whose hook is a shell script; `$OUT` in it is a file of the test. */
function hooked(script: string, { on = ['backup-done'], timeout = '5s' } = {}): Site {
  const dir = box.copy()
  count += 1
  const folder = join(box.path, `hook-${count}`)
  mkdirSync(folder, { mode: 0o755 })
  const [program, out] = [join(folder, 'notify'), join(folder, 'out')]
  writeFileSync(program, `#!/bin/sh\nOUT='${out}'\n${script}\n`)
  chmodSync(program, 0o755)
  const config = `[hooks]\nprogram = "${program}"\non = ${JSON.stringify(on)}\ntimeout = "${timeout}"\n`
  writeFileSync(join(dir, 'brine.toml'), config, { mode: 0o600 })
  return { dir, program, out }
}

/** Makes a backup, which has to succeed whatever the hook does; returns what went to stderr and how long it took. */
async function backup({ dir, out }: Site): Promise<{ readonly stderr: string; readonly seconds: number }> {
  const file = `${out}-${Math.random()}.tar`
  const from = Date.now()
  const ran = await runAt(dir, ['backup', 'create', file, '--plain', '--json'])
  expect([ran.code, ran.json<{ file: string }>().file, existsSync(file)]).toEqual([0, file, true])
  return { stderr: ran.stderr, seconds: (Date.now() - from) / 1000 }
}

describe('a hook', () => {
  it('receives the outcome as JSON, after the lock is released, with few variables', async () => {
    const site = hooked('cat > "$OUT"; env > "$OUT-env"; pwd >> "$OUT-env"')
    const { stderr } = await backup(site)
    expect(stderr).toBe('')
    expect(JSON.parse(readFileSync(site.out, 'utf8'))).toEqual({
      outcome: 'backup-done',
      message: expect.stringMatching(/^backup in /),
      details: { file: expect.any(String), cutAt: expect.any(String), encrypted: false, size: expect.any(Number) },
      ...{ command: 'brine backup create', dataDir: site.dir, actor: expect.any(String), host: expect.any(String) },
      at: expect.stringMatching(/^2026-11-21T12:00:/),
    })
    const env = readFileSync(`${site.out}-env`, 'utf8')
    expect(env).toContain('BRINE_HOOK=1\n')
    expect(env).not.toMatch(/BRINE_NOW|BRINE_DATA_DIR|VITEST/)
  })

  it('runs on the outcomes that it names, and in no dry run', async () => {
    const site = hooked('cat >> "$OUT"', { on: ['audit-findings', 'change-held'] })
    await backup(site)
    await runAt(site.dir, ['audit', 'verify'])
    expect(existsSync(site.out)).toBe(false)
    writeFileSync(join(site.dir, 'cas/acme/command-1.json'), ' ', { flag: 'a' })
    expect((await runAt(site.dir, ['audit', 'verify'])).code).toBe(12)
    expect(readFileSync(site.out, 'utf8')).toContain('"outcome":"audit-findings"')
    const other = hooked('cat >> "$OUT"')
    await runAt(other.dir, ['backup', 'create', join(box.path, 'dry.tar'), '--plain', '--dry-run'])
    expect(existsSync(other.out)).toBe(false)
  })

  it('runs on a change that limits hold, and the command still fails with 1', async () => {
    const site = hooked('cat >> "$OUT"', { on: ['change-held'] })
    const roas = Array.from({ length: 8 }, (_, n) => `192.0.2.${n * 32}/27 => 64496`)
    expect((await runAt(site.dir, ['roa', 'add', 'acme', ...roas])).code).toBe(0)
    expect((await runAt(site.dir, ['roa', 'remove', 'acme', ...roas, '--dry-run'])).code).toBe(1)
    expect(existsSync(site.out)).toBe(false)
    expect((await runAt(site.dir, ['roa', 'remove', 'acme', ...roas])).code).toBe(1)
    expect(JSON.parse(readFileSync(site.out, 'utf8'))).toMatchObject({ outcome: 'change-held' })
  })

  it('that a hook starts does not run', async () => {
    const site = hooked('cat > "$OUT"')
    const ran = await runAt(site.dir, ['backup', 'create', `${site.out}.tar`, '--plain'], { env: { BRINE_HOOK: '1' } })
    expect([ran.code, existsSync(site.out)]).toEqual([0, false])
  })
})

/** Returns the line of a process in /proc, '' once it is gone. */
function stateOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Puts two links in place of the program: the second is in another folder, of this mode. */
function detour(program: string, mode: number): void {
  const folder = `${program}-links`
  mkdirSync(folder)
  chmodSync(folder, mode)
  renameSync(program, `${program}-real`)
  symlinkSync(`${program}-real`, join(folder, 'second'))
  symlinkSync(join(folder, 'second'), program)
}

describe('a bad hook changes nothing for the command', () => {
  it('that hangs, with a child: both are ended after the time', async () => {
    const site = hooked('sleep 60 & echo $! > "$OUT"; sleep 60', { timeout: '1s' })
    const { stderr, seconds } = await backup(site)
    expect(stderr).toContain('on backup-done ended after 1 s')
    expect(seconds).toBeLessThan(20)
    const child = `/proc/${readFileSync(site.out, 'utf8').trim()}/stat`
    // the kernel ends a process some time after the signal; a zombie waits for init
    await expect.poll(() => stateOf(child)).toMatch(/^$|\) Z /)
  })

  it('that fails', async () => {
    const { stderr } = await backup(hooked('echo no route >&2; exit 3'))
    expect(stderr).toContain('on backup-done ended with exit code 3: no route')
  })

  it('that prints what a terminal obeys', async () => {
    const { stderr } = await backup(hooked("printf '\\033[31mred\\r\\n'; exit 1"))
    expect(stderr).toMatch(/exit code 1: \\u001b\[31mred/)
  })

  it('that prints megabytes, and does not read its input', async () => {
    const { stderr } = await backup(hooked('head -c 5000000 /dev/zero | tr "\\0" x; exit 1'))
    expect(stderr).toMatch(/exit code 1: x+\n$/)
    expect(stderr.length).toBeLessThan(800)
    expect((await backup(hooked('head -c 5000000 /dev/zero'))).stderr).toBe('')
  })

  it.each<[string, (site: Site) => void, string]>([
    ['missing', ({ program }) => rmSync(program), 'no such file'],
    ['writable by others', ({ program }) => chmodSync(program, 0o757), 'writable by others'],
    ['writable by its group', ({ program }) => chmodSync(program, 0o775), 'writable by others'],
    ['in a folder that others can write', ({ program }) => chmodSync(join(program, '..'), 0o777), 'writable by others'],
    ['not executable', ({ program }) => chmodSync(program, 0o644), 'not executable'],
    [
      'reached by a link in a folder that others can write',
      ({ program }) => detour(program, 0o777),
      'writable by others',
    ],
    [
      'a folder',
      ({ program }) => {
        rmSync(program)
        mkdirSync(program)
      },
      'not a file',
    ],
    ['of a configuration that others can write', ({ dir }) => chmodSync(join(dir, 'brine.toml'), 0o666), 'by others'],
  ])('that is %s: it is not run, and doctor names it', async (_, spoil, problem) => {
    const site = hooked('echo run > "$OUT"')
    spoil(site)
    const { stderr } = await backup(site)
    expect(stderr).toContain('hook not run: ')
    expect(stderr).toContain(problem)
    expect(existsSync(site.out)).toBe(false)
    const { checks } = (await runAt(site.dir, ['doctor', '--json'])).json<{
      checks: readonly { check: string; level: string; code: string; message: string }[]
    }>()
    const found = checks.filter(({ check }) => check === 'hooks')
    expect(found).toMatchObject([{ level: 'warning', code: 'hook-unusable' }])
    expect(found[0]?.message).toContain(problem)
  })
})

it('runs by links that others cannot replace', async () => {
  const site = hooked('echo run > "$OUT"')
  detour(site.program, 0o755)
  expect((await backup(site)).stderr).toBe('')
  expect(existsSync(site.out)).toBe(true)
})

it('doctor says that a usable hook is one', async () => {
  const { dir, program } = hooked('')
  const { stdout } = await runAt(dir, ['doctor', '--json'])
  expect(stdout).toContain(`${program} on backup-done`)
  expect(statSync(program).mode & 0o022).toBe(0)
})

it('an audit of an export, which opens no directory, looks for no hook', async () => {
  const history = join(box.path, 'history.jsonl')
  expect((await runAt(box.dataDir, ['audit', 'export', '--out', history])).code).toBe(0)
  const { code, stderr } = await runAt(box.dataDir, ['audit', 'verify', history])
  expect([code, stderr]).toEqual([0, ''])
})
