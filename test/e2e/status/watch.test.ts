/** `brine status --watch` on a terminal: what it draws, how it ends, and that it holds nothing. */
import { spawn } from 'node:child_process'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { projectDir } from '../../support/processes/brine-shim.js'
import { needProgram } from '../../support/processes/missing.js'
import { ok } from '../../support/sites/desired-state.js'
import { NOW, refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

const LIMIT_MS = 30_000
const [ENTER, LEAVE] = ['\u001b[?1049h\u001b[?25l', '\u001b[?25h\u001b[?1049l']

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

interface Watching {
  /** Everything that the terminal has received. */
  readonly seen: () => string
  /** Waits until the terminal has received the text, after what it had received at the last wait. */
  readonly until: (text: string) => Promise<void>
  readonly type: (keys: string) => void
  readonly ended: Promise<number | null>
}

/** Starts the command on a terminal of its own; the shell prints the exit code and the modes of the terminal at the end. */
function watchOn(context: TestContext, dir: string, { words = '--every 1s', rows = 60 } = {}): Watching {
  const script = needProgram(context, 'script')
  const brine = `'${process.execPath}' '${join(projectDir, 'bin/run.js')}' status --watch ${words}`
  const started = `sh -c 'echo "pid $$"; exec "$0" "$@"' ${brine}`
  const line = `stty rows ${rows} cols 100; ${started}; echo "code $?"; stty -a | grep -o '[-]*icanon'`
  const env = { PATH: process.env['PATH'], BRINE_DATA_DIR: dir, BRINE_NOW: NOW, NO_COLOR: '1', TERM: 'xterm' }
  const child = spawn(script, ['-qec', line, '/dev/null'], { env })
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  let seen = ''
  let from = 0
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve(code)
    })
  })
  const until = async (text: string): Promise<void> => {
    for (const limit = Date.now() + LIMIT_MS; !seen.slice(from).includes(text); ) {
      if (Date.now() > limit) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify(seen.slice(from))}`)
      await new Promise((resolve) => void setTimeout(resolve, 20))
    }
    from = seen.length
  }
  return { seen: () => seen, until, type: (keys) => void child.stdin.write(keys), ended }
}

/** Returns the row of a CA as the last page shows it. */
const rowOf = (text: string, ca: string): string =>
  (text.split('\r\n').findLast((line) => line.startsWith(`${ca} `)) ?? '').replaceAll('\u001b[K', '').trimEnd()

describe('on a terminal', () => {
  it('shows what another command changed meanwhile, without a lock, and ends with q', async (context) => {
    const dir = box.copy()
    const screen = watchOn(context, dir)
    await screen.until('every 1s; q or Ctrl-C ends')
    await screen.until('ENDS NEXT')
    expect(rowOf(screen.seen(), 'acme')).toMatch(/^acme +0 /)
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--lock-timeout', '0s'])
    await screen.until('ENDS NEXT')
    await screen.until('ENDS NEXT')
    expect(rowOf(screen.seen(), 'acme')).toMatch(/^acme +1 /)
    screen.type('q')
    await screen.ended
    const [before = '', after = ''] = screen.seen().split(LEAVE)
    expect(before.split(ENTER)).toHaveLength(2)
    // the last page stays on the screen, and the terminal has its modes back
    expect(after).toMatch(/^OK {2}primary[\s\S]*code 0\r\nicanon\r\n$/)
  })

  it.for([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
    ['Q', 'Q'],
  ] as const)('ends with %s between two reads, and with no other key', async ([, key], context) => {
    const screen = watchOn(context, box.dataDir, { words: '--every 1h' })
    await screen.until('ENDS NEXT')
    screen.type('x\u001b[1;5q')
    await new Promise((resolve) => void setTimeout(resolve, 200))
    expect(screen.seen()).not.toContain(LEAVE)
    screen.type(`y${key}`)
    await screen.ended
    expect(screen.seen()).toMatch(/code 0\r\nicanon\r\n$/)
  })

  it('cuts the page to the rows of the terminal', async (context) => {
    const screen = watchOn(context, box.dataDir, { rows: 6, words: '' })
    await screen.until('more lines')
    screen.type('q')
    await screen.ended
    const [page = ''] = screen.seen().split(ENTER)[1]?.split(LEAVE) ?? []
    expect(page.split('\r\n')).toHaveLength(6)
    expect(page).toContain('every 5s')
  })

  it('goes on where a read fails, and ends with the error if the first one does', async (context) => {
    const dir = box.copy()
    const screen = watchOn(context, dir)
    await screen.until('ENDS NEXT')
    renameSync(join(dir, 'brine.json'), join(dir, 'away'))
    await screen.until('cannot be read: ')
    renameSync(join(dir, 'away'), join(dir, 'brine.json'))
    await screen.until('q or Ctrl-C ends')
    screen.type('q')
    await screen.ended
    expect(screen.seen()).toContain('code 0')
    const absent = watchOn(context, join(box.path, 'absent'))
    await absent.ended
    expect(absent.seen()).toContain('code 10')
    expect(absent.seen()).not.toContain(ENTER)
  })

  it('leaves the terminal as it was if a signal ends it', async (context) => {
    const screen = watchOn(context, box.dataDir, { words: '--every 1h' })
    await screen.until('ENDS NEXT')
    process.kill(Number(/pid (\d+)/.exec(screen.seen())?.[1]), 'SIGTERM')
    await screen.ended
    expect(screen.seen().split(LEAVE)).toHaveLength(2)
    expect(screen.seen()).toMatch(/code 143\r\nicanon\r\n$/)
  })
})

it('without a terminal, and with the output of scripts, is an error', async () => {
  expect(await refusalOf(box.dataDir, ['status', '--watch'])).toEqual([2, expect.any(String)])
  const { code, stderr } = await runAt(box.dataDir, ['status', '--watch'])
  expect([code, stderr]).toEqual([2, expect.stringContaining('--watch needs a terminal')])
  expect(stderr).toContain('brine status --json')
  for (const other of [['--nagios'], ['--prom', 'x'], ['--fail-on', 'warning'], ['--json']])
    expect((await runAt(box.dataDir, ['status', '--watch', ...other])).code).toBe(2)
  for (const words of [
    ['--every', '5s'],
    ['--watch', '--every', '0s'],
    ['--watch', '--every', '5'],
  ])
    expect((await runAt(box.dataDir, ['status', ...words])).code).toBe(2)
})
