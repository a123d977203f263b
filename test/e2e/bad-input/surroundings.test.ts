/** What surrounds a process and must not matter: umask, language, time zone, a closed or full output, few files, few threads; and secrets in no output. */
import { spawnSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { footprint, makeSandbox, NEXT_DAY, NOW, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const ADD = "roa add acme '192.0.2.0/25 => 64496'"

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A line of sh in which `brine` is the program; the environment is what is given and PATH, nothing else. */
function sh(dir: string, line: string, env: Readonly<Record<string, string>> = {}): Said {
  const run = join(import.meta.dirname, '../../../bin/run.js')
  const script = `brine() { "$NODE" "$RUN" "$@"; }\n${line}`
  const given = {
    PATH: process.env['PATH'] ?? '',
    NODE: process.execPath,
    RUN: run,
    BRINE_DATA_DIR: dir,
    BRINE_NOW: NOW,
    ...env,
  }
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', script], { env: given, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

async function added({ run }: Sandbox): Promise<boolean> {
  return (await run(['roa', 'list', 'acme'])).stdout.includes('192.0.2.0/25')
}

describe('modes', () => {
  it.each(['000', '022', '077'])(
    'B132: umask %s: keys 0600 in 0700, served files 0644 in 0755, the rest for nobody else',
    (umask) => {
      const dir = join(sandbox.dir, '..', `umask-${umask}`)
      const uris = '--rsync rsync://rpki.example/repo/ --rrdp https://rpki.example/rrdp/'
      const said = sh(
        dir,
        `umask ${umask}; brine testbed init --test ${uris} && brine roa add testbed 192.0.2.0/24=AS1 && brine tick`,
      )
      expect(said.code, said.stderr).toBe(0)
      const wrong = [...footprint(dir, /^$/)].filter(([name, what]) => {
        const mode = what.split(' ')[0] ?? ''
        const isFolder = what.endsWith('folder')
        if (name.startsWith('repo'))
          return mode !== (isFolder ? '755' : '644') && mode !== 'link' && !name.startsWith('repo/.state')
        if (name.startsWith('objects/') && !isFolder) return mode !== '644'
        return mode !== (isFolder ? '700' : '600')
      })
      expect(wrong).toEqual([])
      expect((lstatSync(dir).mode & 0o777).toString(8)).toBe('711')
    },
  )
})

describe('environment', () => {
  const reads =
    'brine roa list acme; brine ca list --json; brine history list; brine ca show acme; brine roa add acme 10.0.0.1/8=AS1; true'

  let plain: Said | undefined

  it.each([
    [
      'B147: Kathmandu, Turkey, a narrow terminal',
      { TZ: 'Asia/Kathmandu', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', TERM: 'dumb', COLUMNS: '10' },
    ],
    [
      'B148, B149: no home, no /tmp, one thread, a small heap',
      {
        HOME: '/nonexistent',
        TMPDIR: '/nonexistent',
        UV_THREADPOOL_SIZE: '1',
        NODE_OPTIONS: '--max-old-space-size=64',
      },
    ],
    ['B147, B149: LC_ALL=C, many threads', { LC_ALL: 'C', UV_THREADPOOL_SIZE: '128' }],
  ])('%s: the same words, the same changes', async (_name, env) => {
    plain ??= sh(sandbox.dir, reads)
    expect(sh(sandbox.dir, reads, env)).toEqual(plain)
    const box = sandbox.copy()
    const said = sh(box.dir, `brine ${ADD}`, env)
    expect(said.code, said.stderr).toBe(0)
    expect(said.stdout).toMatch(
      /^ +WHAT .*\n\+ +ROA[\s\S]*\nacme seq \d+: \+1 ROA; published, serial \d+; next manifest \d\d:\d\dZ\n$/,
    )
    expect(await added(box)).toBe(true)
  })

  it('B148: no PATH: works, and says that flock(1) is not installed', async () => {
    const box = sandbox.copy()
    const said = sh(box.dir, `PATH=/nonexistent; brine ${ADD}`)
    expect(said.code, said.stderr).toBe(0)
    expect(said.stderr).toContain('flock(1) is not installed')
    expect(await added(box)).toBe(true)
  })

  it('B150: twenty open files, or none to spare: done, or a clear error and nothing changed', async () => {
    const box = sandbox.copy()
    const before = footprint(box.dir)
    const said = sh(box.dir, `ulimit -n 20; brine ${ADD}`)
    if (said.code === 0) expect(await added(box)).toBe(true)
    else {
      expect(said.stderr).toMatch(/EMFILE/)
      expect(footprint(box.dir)).toEqual(before)
    }
  })
})

describe('output', () => {
  it('B144: closed: the change is made all the same', async () => {
    const box = sandbox.copy()
    const said = sh(box.dir, `brine ${ADD} >&-`)
    expect([0, 14], said.stderr).toContain(said.code)
    expect(await added(box)).toBe(true)
  })

  it('B144: full: exit 14, and it says that the change stands', async () => {
    const box = sandbox.copy()
    const said = sh(box.dir, `brine ${ADD} >/dev/full`)
    expect(said.code).toBe(14)
    expect(said.stderr).toMatch(/standard output: ENOSPC\n.*\nchanged and durable\n/)
    expect(await added(box)).toBe(true)
    const read = sh(box.dir, 'brine roa list acme >/dev/full')
    expect([read.code, read.stderr.endsWith('nothing changed\n')]).toEqual([14, true])
  })

  it('B144: read by somebody who leaves after one line: no failure, no stack trace', () => {
    const said = sh(sandbox.dir, '{ brine history list --json; echo "exit $?" >&2; } | head -1')
    expect(said).toEqual({ code: 0, stdout: '{\n', stderr: 'exit 0\n' })
  })

  it('closed and full at once, standard error too: the exit code still says it', () => {
    expect(sh(sandbox.dir, 'brine ca show nobody >/dev/full 2>/dev/full').code).toBe(1)
    expect(sh(sandbox.dir, 'brine ca show nobody --json >&- 2>&-').code).not.toBe(0)
  })
})

describe('secrets', () => {
  const PEM = 'PRIVATE KEY'

  function pathsWith(dir: string, needles: readonly Buffer[]): readonly string[] {
    return (readdirSync(dir, { recursive: true }) as string[]).filter((name) => {
      if (!lstatSync(join(dir, name)).isFile()) return false
      const bytes = readFileSync(join(dir, name))
      return needles.some((needle) => bytes.includes(needle))
    })
  }

  it('B143: no private key outside keys/ and ssl/, and none in any output, rejected and interrupted commands included', async () => {
    const box = sandbox.copy()
    const lines = [
      `brine ${ADD}`,
      'brine roa add acme 10.0.0.0/8=AS1',
      'brine ca show acme --json',
      'brine history list --json',
      'brine history show ca/acme 1 --json',
      'brine ta show --json',
      'brine pubserver show --json',
      'DEBUG=* brine roa list acme',
      `BRINE_NOW=${NEXT_DAY} brine tick`,
      'brine status --json',
      'chmod 0644 "$BRINE_DATA_DIR"/keys/[A-F0-9]*; DEBUG=* brine republish --now --json; chmod 0600 "$BRINE_DATA_DIR"/keys/[A-F0-9]*',
    ]
    const said = lines
      .map((line) => sh(box.dir, line))
      .map(({ stdout, stderr }) => stdout + stderr)
      .join('')
    expect(said).not.toContain(PEM)
    const keys = readdirSync(join(box.dir, 'keys')).filter((name) => name !== 'pool')
    expect(keys).toHaveLength(3)
    // the middle of each key: its primes
    const needles = keys.flatMap((name) => {
      const middle = readFileSync(join(box.dir, 'keys', name)).subarray(400, 440)
      return [middle, Buffer.from(middle.toString('hex')), Buffer.from(middle.toString('base64').slice(4, 40))]
    })
    expect(needles.some((needle) => said.includes(needle.toString('latin1')))).toBe(false)
    const places = pathsWith(box.dir, [Buffer.from(PEM), ...needles])
    expect(places.filter((name) => !/^(?:keys|ssl)\//.test(name))).toEqual([])
    expect(places).toContain(join('ssl', 'key.pem'))
    expect(places.filter((name) => name.startsWith('keys/'))).toHaveLength(3)
  })
})
