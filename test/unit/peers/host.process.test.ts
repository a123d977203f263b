/** Messages to one host: one at a time, across processes too, with signing times that never go back and are on disk before they are used. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { futureHosts, hostKeyOf, resetHosts, withHost } from '../../../src/core/peers/host.js'
import { onFileOperation } from '../../../src/core/store/disk/io-error.js'

const T1 = '2026-12-02T01:00:00Z' as Instant
const T2 = '2026-12-02T01:00:01Z' as Instant
const HOST = 'rpki.example.net:443'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'brine-host-'))
  mkdirSync(join(dir, 'status'))
})
afterEach(() => {
  onFileOperation(undefined)
  rmSync(dir, { recursive: true, force: true })
})

const statusFile = (): string => join(dir, 'status/hosts', readdirSync(join(dir, 'status/hosts'))[0]!)
const lockPath = (): string => join(dir, 'locks', readdirSync(join(dir, 'locks'))[0]!)
const useAt = (at: Instant, host = HOST): Promise<Instant> => withHost(dir, host, (clock) => clock.use(at))

/** A gate that the test opens. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open: () => open() }
}

describe('the key of a host', () => {
  it.each([
    ['https://RPKI.Example.net/rfc6492/x', 'rpki.example.net:443'],
    ['http://rpki.example.net/', 'rpki.example.net:80'],
    ['https://rpki.example.net:443/a', 'rpki.example.net:443'],
    ['https://rpki.example.net:8443/a', 'rpki.example.net:8443'],
    ['https://[2001:DB8::1]/', '[2001:db8::1]:443'],
  ])('of %s is %s', (uri, key) => {
    expect(hostKeyOf(uri)).toBe(key)
  })
})

describe('messages to one host', () => {
  it('wait for each other in the order of the calls, and not for another host', async () => {
    const [first, log] = [gate(), [] as string[]]
    const one = withHost(dir, HOST, async () => {
      log.push('one begins')
      await first.opened
      log.push('one ends')
    })
    const two = withHost(dir, HOST, async () => void log.push('two'))
    const three = withHost(dir, HOST, async () => void log.push('three'))
    await withHost(dir, 'other.example:443', async () => void log.push('other'))
    first.open()
    await Promise.all([one, two, three])
    expect(log.filter((line) => line !== 'other')).toEqual(['one begins', 'one ends', 'two', 'three'])
    expect(log.indexOf('other')).toBeLessThan(log.indexOf('one ends'))
  })

  it('go on after one that failed', async () => {
    const failed = withHost(dir, HOST, () => Promise.reject(new Error('no answer')))
    const next = useAt(T1)
    await expect(failed).rejects.toThrow('no answer')
    expect(await next).toBe(T1)
  })

  it('wait for another process, up to the time-out', async () => {
    await useAt(T1)
    const other = spawn('flock', ['-x', lockPath(), 'sh', '-c', 'echo held; read x'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => other.stdout.once('data', resolve))
    const busy = withHost(dir, HOST, async () => 'sent', { timeoutSeconds: 0.1 })
    await expect(busy).rejects.toMatchObject({ kind: 'locked', code: 'peer-host-busy', retry: true })
    const waiting = withHost(dir, HOST, async () => 'sent')
    other.stdin.end('\n')
    expect(await waiting).toBe('sent')
  })

  it('keep another process from sending, until they end', async () => {
    const tried = (): Promise<number | null> =>
      new Promise((resolve) => spawn('flock', ['-n', lockPath(), 'true']).once('exit', resolve))
    expect(await withHost(dir, HOST, tried)).toBe(1)
    expect(await tried()).toBe(0)
  })

  it('go on without flock(1), one at a time in this process', async () => {
    const { PATH } = process.env
    const warned: string[] = []
    const [first, log] = [gate(), [] as string[]]
    const warn = (text: string): void => void warned.push(text)
    try {
      process.env['PATH'] = dir
      const one = withHost(
        dir,
        HOST,
        async (clock) => {
          await first.opened
          log.push(`one ${await clock.use(T1)}`)
        },
        { warn },
      )
      const two = withHost(dir, HOST, async () => void log.push('two'), { warn })
      await withHost(dir, 'other.example:443', async () => undefined)
      first.open()
      await Promise.all([one, two])
    } finally {
      process.env['PATH'] = PATH
    }
    expect(log).toEqual([`one ${T1}`, 'two'])
    expect(warned).toEqual([expect.stringContaining('install util-linux'), expect.stringContaining('overtake')])
  })
})

describe('the signing time', () => {
  it('is now, or the last one toward this host where that is later; equal is allowed', async () => {
    expect(await withHost(dir, HOST, async ({ last }) => last)).toBeNull()
    expect(await useAt(T1)).toBe(T1)
    expect(await useAt(T1)).toBe(T1)
    expect(await useAt(T2)).toBe(T2)
    expect(await useAt(T1)).toBe(T2)
    expect(await useAt(T1, 'other.example:443')).toBe(T1)
    expect(await withHost(dir, HOST, async ({ last }) => last)).toBe(T2)
  })

  it('rises within one exchange of several messages', async () => {
    const used = await withHost(dir, HOST, async (clock) => [
      await clock.use(T1),
      await clock.use(T2),
      await clock.use(T1),
    ])
    expect(used).toEqual([T1, T2, T2])
  })

  it('is synced before it is returned, and not written again while it stays the same', async () => {
    const operations: string[] = []
    onFileOperation((operation, path) => void (path.includes('status') && operations.push(operation)))
    await withHost(dir, HOST, async (clock) => {
      await clock.use(T1)
      expect(readFileSync(statusFile(), 'utf8')).toContain(T1)
      expect(operations.indexOf('sync')).toBeLessThan(operations.indexOf('rename'))
      expect(operations.slice(operations.indexOf('rename'))).toContain('syncDir')
    })
    operations.length = 0
    await useAt(T1)
    expect(operations).not.toContain('rename')
  })

  it('that cannot be stored is not used', async () => {
    onFileOperation((operation, path) => {
      if (operation === 'sync' && path.includes('status')) throw Object.assign(new Error('x'), { code: 'EIO' })
    })
    await expect(useAt(T1)).rejects.toMatchObject({ kind: 'io' })
  })

  it.each<[string, (path: string) => void]>([
    ['missing', (path) => rmSync(path)],
    ['empty', (path) => writeFileSync(path, '')],
    ['garbled', (path) => writeFileSync(path, '{"value":{"host":"rpki.example.net:443","last":"soon"}}\n')],
    ['of another host', (path) => writeFileSync(path, `{"value":{"host":"b:443","last":"${T2}"}}\n`)],
    [
      'a symbolic link',
      (path) => {
        rmSync(path)
        symlinkSync('/etc/passwd', path)
      },
    ],
  ])('is now where its file is %s', async (_, damage) => {
    await useAt(T2)
    damage(statusFile())
    expect(await useAt(T1)).toBe(T1)
    expect(await useAt(T1)).toBe(T1)
  })

  it('has its own file for each host, however long its name', async () => {
    const names = [
      'a.example:443',
      'a-example:443',
      'a_2e_example:443',
      `${'x'.repeat(250)}.a:443`,
      `${'x'.repeat(250)}.b:443`,
    ]
    for (const name of names) await useAt(T1, name)
    expect(readdirSync(join(dir, 'status/hosts')).length).toBe(names.length)
    expect(readdirSync(join(dir, 'locks')).length).toBe(names.length)
  })

  it('is not given out after the exchange', async () => {
    const clock = await withHost(dir, HOST, async (given) => given)
    await expect(clock.use(T1)).rejects.toThrow(TypeError)
  })
})

describe('a clock that was ahead', () => {
  it('is followed until the signing times are reset', async () => {
    const ahead = '2027-12-02T00:00:00Z' as Instant
    await useAt(ahead)
    await useAt(T1, 'other.example:443')
    expect(await useAt(T1)).toBe(ahead)
    expect(futureHosts(dir, T2)).toEqual([{ host: HOST, last: ahead }])
    expect(resetHosts(dir, T2)).toEqual([{ host: HOST, last: ahead }])
    expect(futureHosts(dir, T2)).toEqual([])
    expect(await useAt(T1)).toBe(T2)
    expect(await useAt(T1, 'other.example:443')).toBe(T1)
  })

  it('needs no file', () => {
    expect(resetHosts(dir, T1)).toEqual([])
  })
})
