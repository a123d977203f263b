/** A second process that holds the lock, and places of the lock that hold something else. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectRefused, footprint, makeSandbox, NOW, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const ADD = ['roa', 'add', 'acme', '192.0.2.0/25=AS64496']
const BRINE = join(import.meta.dirname, '../../../bin/run.js')

/** The owner file stands and says something: it is made in one write, and a look may come before that. */
function hasOwner(box: Sandbox): boolean {
  const path = join(box.dir, '.lock-owner')
  return existsSync(path) && statSync(path, { throwIfNoEntry: false })?.size !== 0
}

/** A command that stopped in the middle of its work, the lock in its hand: `republish` of a tree it has not written yet. */
async function stoppedHolder(box: Sandbox): Promise<ChildProcess> {
  const env = { PATH: process.env['PATH'] ?? '', BRINE_NOW: NOW, BRINE_DATA_DIR: box.dir }
  for (let tries = 0; tries < 20; tries += 1) {
    const child = spawn(process.execPath, [BRINE, 'pubserver', 'write'], { env, stdio: 'ignore' })
    const ended = new Promise((resolve) => child.on('exit', resolve))
    const seen = await new Promise<boolean>((resolve) => {
      const look = setInterval(() => {
        if (!hasOwner(box) && child.exitCode === null) return
        clearInterval(look)
        child.kill('SIGSTOP')
        resolve(child.exitCode === null)
      }, 1)
    })
    if (seen && hasOwner(box)) return child
    child.kill('SIGKILL')
    await ended
  }
  throw new Error('no command was stopped with the lock in its hand')
}

it('B159: a stopped holder keeps the lock: the others wait, then exit 11 with its pid, command and time; killed, it is free at once', async () => {
  const box = sandbox.copy()
  const holder = await stoppedHolder(box)
  try {
    const before = footprint(box.dir)
    const began = process.hrtime.bigint()
    const error = await expectRefused(box, [...ADD, '--lock-timeout', '1s'], {
      exit: 11,
      code: 'locked',
      says: [`pid ${holder.pid}`, 'brine pubserver write', 'waited 1 s', '--lock-timeout'],
    })
    expect(error.details).toMatchObject({ pid: holder.pid, command: 'brine pubserver write' })
    expect(Number(process.hrtime.bigint() - began) / 1e9).toBeGreaterThan(1)
    await expectRefused(box, ['republish', '--now', '--lock-timeout', '1s'], { exit: 11, code: 'locked' })
    expect((await box.run(['roa', 'list', 'acme'])).code).toBe(0)
    expect((await box.run([...ADD, '--dry-run'])).code).toBe(0)
    expect((await box.run(['republish'])).code).toBe(0)
    expect(footprint(box.dir)).toEqual(before)
  } finally {
    holder.kill('SIGKILL')
  }
  expect((await box.run([...ADD, '--lock-timeout', '1s'])).code).toBe(0)
})

it('a holder that ends in time lets the next one through', async () => {
  const box = sandbox.copy()
  const holder = await stoppedHolder(box)
  const waiting = box.run([...ADD, '--lock-timeout', '60s'])
  await box.run(['roa', 'list', 'acme'])
  holder.kill('SIGCONT')
  expect((await waiting).code).toBe(0)
})

const PLACES: Readonly<Record<string, (lock: string, victim: string) => void>> = {
  folder: (lock) => mkdirSync(lock),
  'folder that holds something': (lock) => mkdirSync(join(lock, 'x'), { recursive: true }),
  'link to a file outside': (lock, victim) => symlinkSync(victim, lock),
  'dangling link': (lock, victim) => symlinkSync(`${victim}-none`, lock),
}

it.each(Object.keys(PLACES))(
  'B153-B156: a %s where the lock belongs: exit 14 with the path, and what it leads to is as it was',
  async (place) => {
    const box = sandbox.copy()
    const [lock, victim] = [join(box.dir, '.lock'), `${box.dir}-victim`]
    writeFileSync(victim, 'victim')
    rmSync(lock)
    PLACES[place]?.(lock, victim)
    // the keys for the change are taken from the pool before the lock
    const before = footprint(box.dir, /^keys\/pool\//)
    await expectRefused(box, ADD, { exit: 14, code: 'lock-place-refused', says: [lock, 'remove it'] })
    expect(footprint(box.dir, /^keys\/pool\//)).toEqual(before)
    expect(readFileSync(victim, 'utf8')).toBe('victim')
    expect(existsSync(`${victim}-none`)).toBe(false)
  },
)

it('B152, B158: garbage of another age in the lock, its owner and its folder stops nobody', async () => {
  const box = sandbox.copy()
  const lock = join(box.dir, '.lock')
  writeFileSync(lock, 'pid 1\n'.repeat(1000))
  chmodSync(lock, 0o000)
  writeFileSync(join(box.dir, '.lock-owner'), '{"pid":1}')
  mkdirSync(join(box.dir, '.lock.d'))
  utimesSync(join(box.dir, '.lock.d'), 0, 0)
  expect((await box.run([...ADD, '--lock-timeout', '1s'])).code).toBe(0)
})

it('a rejected command that cannot be recorded is rejected all the same, and says so', async () => {
  const box = sandbox.copy()
  const before = footprint(box.dir)
  const holder = await stoppedHolder(box)
  try {
    const told = { exit: 1, code: 'roa-not-held', says: ['does not hold 10.0.0.0/8', 'not recorded: locked'] }
    await expectRefused(box, ['roa', 'add', 'acme', '10.0.0.0/8=AS1', '--lock-timeout', '1s'], told)
  } finally {
    holder.kill('SIGKILL')
  }
  expect(footprint(box.dir)).toEqual(before)
})
