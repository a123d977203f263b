/** rsyncd, nginx and a reader as the user nobody, while publications run: each read sees one whole version. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { addCa } from '../../src/core/app/authority/cas.js'
import { resourcesOf } from '../../src/core/app/authority/resource-arguments.js'
import { roaArguments } from '../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../src/core/app/authority/roas.js'
import { republish } from '../../src/core/app/republishing/republish.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { findProgram, skipOrFail } from '../support/peers/validators.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../support/sites/testbed.js'

const NOBODY = 65534
const PUBLICATIONS = 60
/** There are 16 trees to go round: a reader that is never this many publications behind never sees its own change. */
const AHEAD = 10

const ACME = parseHandle('acme')
const scratch = scratchFolder('uid')
const dataDir = join(scratch.dir, 'data')
const repoDir = join(dataDir, 'repo')
const own = join(scratch.dir, 'nobody')
const started: ChildProcess[] = []

beforeAll(async () => {
  const umask = process.umask(0o077)
  await newTestbed(dataDir)
  await brineOk(dataDir, ['ca', 'add', ACME, '--under', 'testbed', '--resources', '192.0.2.0/24,2001:db8::/32'])
  process.umask(umask)
  mkdirSync(own)
  if (process.getuid?.() === 0) chownSync(own, NOBODY, NOBODY)
}, 60_000)

afterAll(async () => {
  for (const child of started) {
    if (child.exitCode !== null) continue
    child.kill()
    await once(child, 'exit')
  }
  scratch.remove()
})

function needs(context: TestContext): void {
  const missing = ['rsync', 'nginx', 'setpriv'].filter((name) => findProgram(name) === undefined)
  if (process.getuid?.() !== 0) missing.push('the right to become another user (root)')
  if (missing.length > 0) skipOrFail(context, missing)
}

function asNobody(program: string, args: readonly string[]): ChildProcess {
  const who = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const env = { PATH: process.env['PATH'] ?? '', HOME: own }
  const child = spawn('setpriv', [...who, findProgram(program) ?? program, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
    env,
  })
  started.push(child)
  return child
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Resolves when something listens. */
async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const answer = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (answer) return
    await setTimeout(50)
  }
  throw new Error(`nothing listens on ${port}`)
}

async function startRsyncd(): Promise<string> {
  const port = await freePort()
  const file = join(own, 'rsyncd.conf')
  const current = join(repoDir, 'rsync', 'current')
  writeFileSync(file, `use chroot = no\nreverse lookup = no\n[repo]\npath = ${current}\nread only = yes\n`, {
    mode: 0o644,
  })
  asNobody('rsync', ['--daemon', '--no-detach', '--address=127.0.0.1', `--port=${port}`, `--config=${file}`])
  await listening(port)
  return `rsync://127.0.0.1:${port}/repo/`
}

async function startNginx(): Promise<string> {
  const port = await freePort()
  const file = join(own, 'nginx.conf')
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${own}/${t};`).join(' ')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${own}/pid; error_log ${own}/error.log; events {}
http { access_log off; ${temp} server { listen 127.0.0.1:${port}; root ${repoDir}; } }\n`,
    { mode: 0o644 },
  )
  asNobody('nginx', ['-c', file, '-p', own, '-e', join(own, 'error.log')])
  await listening(port)
  return `http://127.0.0.1:${port}/rrdp/`
}

async function publish(n: number): Promise<void> {
  const session = await quickSession(dataDir)
  const roa = [`2001:db8:${(n >> 2).toString(16)}::/48 => 64496`]
  if (n % 20 === 7) {
    const resources = resourcesOf(`192.0.2.${n}/32`)
    await addCa(session, parseHandle(`sub${n}`), { parent: ACME, resources })
  } else if (n % 4 === 0) await updateRoas(session, ACME, roaArguments({ add: roa }))
  else if (n % 4 === 2) await updateRoas(session, ACME, roaArguments({ remove: roa }))
  else await republish(session, { force: true })
}

test(`a reader with another uid sees a whole version at every instant of ${PUBLICATIONS} publications`, async (context) => {
  needs(context)
  const script = join(own, 'reader.mjs')
  copyFileSync(join(import.meta.dirname, 'served-reader.mjs'), script)
  chmodSync(script, 0o644)
  const stop = join(own, 'stop')
  const urls = [await startRsyncd(), await startNginx()]
  const reader = asNobody(process.execPath, [script, repoDir, ...urls, join(own, 'mirror'), stop])
  let last = ''
  let reads = 0
  if (reader.stdout === null) throw new Error('no pipe')
  const lines = createInterface(reader.stdout)
  lines.on('line', (line) => {
    last = line
    reads += 1
  })
  const closed = once(lines, 'close')
  await once(lines, 'line')
  let seen = reads
  let ahead = 0
  for (let n = 0; n < PUBLICATIONS; n++) {
    await publish(n)
    ahead = reads === seen ? ahead + 1 : 0
    seen = reads
    if (ahead >= AHEAD) await Promise.race([once(lines, 'line'), closed])
  }
  writeFileSync(stop, '', { mode: 0o644 })
  await closed
  const report = JSON.parse(last) as Readonly<Record<string, unknown>>
  expect(report['faults']).toEqual([])
  expect(report['uid']).toBe(NOBODY)
  for (const way of ['files', 'rsync', 'rrdp']) expect(report[way], way).toBeGreaterThan(3)
}, 300_000)
