import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { quickDisk, type Site, siteWith } from './target.js'

const PUBLICATIONS = 100

/** One publication as a CA makes it: objects, and a manifest that lists them all. */
async function publishVersion(site: Site, number: number): Promise<void> {
  const texts: Record<string, string> = {}
  for (let i = 0; i < 12; i++) texts[`o${i}.roa`] = i === number % 12 ? `object ${i} of ${number}` : `object ${i}`
  if (number % 3 === 0) texts[`only-${number}.roa`] = `only in ${number}`
  const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, site.object(name, text).sha256]))
  await site.desire('acme', { ...texts, 'list.mft': JSON.stringify({ number, files }) })
  site.write({ disk: quickDisk, trees: { max: 2 * PUBLICATIONS } })
}

/** Another user where that is possible: the reader of a served tree never is the one who writes it. */
function otherUser(
  command: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  if (process.getuid?.() !== 0 || !fs.existsSync('/usr/bin/setpriv')) return { command, args }
  return { command: '/usr/bin/setpriv', args: ['--reuid=65534', '--regid=65534', '--clear-groups', command, ...args] }
}

it(`a reader with another uid sees a whole version at every instant of ${PUBLICATIONS} publications`, async () => {
  const site = await siteWith('acme')
  const old = process.umask(0o077)
  try {
    await publishVersion(site, 0)
    const script = join(site.dir, 'reader.mjs')
    fs.copyFileSync(join(import.meta.dirname, 'reader.mjs'), script)
    fs.chmodSync(script, 0o644)
    const stop = join(site.dir, 'stop')
    const { command, args } = otherUser(process.execPath, [script, site.repoDir, stop])
    const reader = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
    let output = ''
    const ready = new Promise<void>((resolve) => {
      reader.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.startsWith('ready\n')) resolve()
      })
    })
    const ended = new Promise<void>((resolve) => {
      reader.on('close', () => resolve())
    })
    await Promise.race([ready, ended])
    for (let number = 1; number <= PUBLICATIONS; number++) {
      await publishVersion(site, number)
      await setImmediate()
    }
    fs.writeFileSync(stop, '', { mode: 0o644 })
    await ended
    const report = JSON.parse(output.split('\n')[1] ?? '{}') as Record<string, unknown>
    expect(report['faults']).toEqual([])
    expect(report['rsync']).toBeGreaterThan(3)
    expect(report['rrdp']).toBeGreaterThan(3)
    if (process.getuid?.() === 0) expect(report['uid']).toBe(65534)
  } finally {
    process.umask(old)
    site.remove()
  }
})
