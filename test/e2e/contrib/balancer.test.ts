/** The crontab line and the nginx configuration of contrib/ for several repository servers, as they stand: a failed server gets no requests. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server as HttpsServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, type TestContext, vi } from 'vitest'
import { contribText, fetchHttps, freePort, type Server, startServer } from '../../support/peers/servers.js'
import { findProgram } from '../../support/peers/validators.js'
import { projectDir, runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'
import { needProgram } from '../../support/processes/missing.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const NAMES = ['one', 'two'] as const
let folder = ''
let dataDir = ''
let certificate = ''
let port = 0
const backends: HttpsServer[] = []
let balancer: Server | undefined

const pool = (): string => join(folder, 'nginx', 'pool.conf')

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-balancer-'))
  chmodSync(folder, 0o711)
  dataDir = join(folder, 'data')
  mkdirSync(join(folder, 'nginx'))
  const env = shimmedEnv(folder, { BRINE_DATA_DIR: dataDir })
  const { status, stderr } = await runProgram(writeShim(folder), ['testbed', 'init'], { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(dataDir, 'ssl', name)))
  certificate = String(cert)
  for (const [name, file] of [
    ['key.pem', key],
    ['cert.pem', cert],
  ] as const)
    writeFileSync(join(folder, 'nginx', name), file ?? '')
  let config = `[[repository.pool]]\nfile = "${pool()}"\nparts = "rrdp"\n`
  for (const name of NAMES) {
    const backend = createServer({ key, cert }, (request, response) => {
      try {
        response.setHeader('X-Server', name)
        response.end(readFileSync(join(folder, name, request.url ?? '')))
      } catch {
        response.writeHead(404).end()
      }
    })
    await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
    backends.push(backend)
    const at = `localhost:${(backend.address() as { port: number }).port}`
    config += `[[repository.server]]\nname = "${name}"\nnotification = "https://${at}/rrdp/notification.xml"\ntls_ca = "${dataDir}/ssl/cert.pem"\npush = "${join(folder, name)}"\npool = "${at.replace('localhost', '127.0.0.1')}"\n`
  }
  writeFileSync(join(dataDir, 'brine.toml'), config)
  port = await freePort()
})
afterAll(async () => {
  await balancer?.stop()
  for (const backend of backends) {
    backend.closeAllConnections()
    backend.close()
  }
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the job of the crontab with no more environment than brine.cron gives. */
async function runJob(): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const lines = contribText('brine-servers.cron', [])
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines).toHaveLength(1)
  const command = /^\*\/5( \*){4} (.*)$/.exec(lines[0] ?? '')?.[2] ?? ''
  // cron takes % as the end of the line
  expect(command).toMatch(/^brine pubserver push[^%]*$/)
  const env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, BRINE_DATA_DIR: dataDir, HOME: folder, SHELL: '/bin/sh' }
  return runProgram('/bin/sh', ['-c', command], { cwd: folder, env })
}

async function startBalancer(context: TestContext): Promise<readonly string[]> {
  const nginx = needProgram(context, 'nginx')
  const scratch = join(folder, 'nginx')
  const block = contribText('nginx-balancer.conf', [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['listen [::]:443 ssl;', ''],
    ['rpki.example.net', 'localhost'],
    ['/etc/nginx/brine/', `${scratch}/`],
    ['/etc/ssl/certs/ca-certificates.crt', `${scratch}/cert.pem`],
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(scratch, name)};`)
    .join(' ')
  writeFileSync(join(scratch, 'balancer.conf'), block)
  writeFileSync(
    join(scratch, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${scratch}/pid; error_log ${scratch}/error.log; events { }\nhttp { access_log off; ${temporary} include ${scratch}/balancer.conf; }\n`,
  )
  const args = ['-c', join(scratch, 'nginx.conf'), '-e', join(scratch, 'error.log')]
  const { status, stderr } = await runProgram(nginx, ['-t', ...args])
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/warn|emerg/) })
  balancer = await startServer(nginx, args, port)
  return [nginx, ...args]
}

/** The servers that answer ten requests, and the answers. */
async function servers(): Promise<{ readonly names: readonly unknown[]; readonly statuses: readonly number[] }> {
  const answers = []
  for (let n = 0; n < 10; n++) answers.push(await fetchHttps(port, '/rrdp/notification.xml', certificate))
  const names = [...new Set(answers.map(({ headers }) => headers['x-server']))].sort()
  return { names, statuses: [...new Set(answers.map(({ status }) => status))] }
}

it('the job fills the servers and the pool, and the balancer follows it after a reload', async (context) => {
  needProgram(context, 'rsync')
  expect(await runJob()).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(readFileSync(pool(), 'utf8')).not.toContain(' down')
  const [nginx = '', ...args] = await startBalancer(context)
  expect(await servers()).toEqual({ names: [...NAMES], statuses: [200] })
  // a server whose folder is gone, and cannot be made again
  rmSync(join(folder, 'two'), { recursive: true })
  writeFileSync(join(folder, 'two'), '')
  const failed = await runJob()
  expect(failed).toMatchObject({
    status: 3,
    stdout: '',
    stderr: expect.stringMatching(/^Error: .*two: .*\nError: two: RRDP unreachable: /),
  })
  expect(readFileSync(pool(), 'utf8')).toMatch(/server \S+;\nserver \S+ down;\n/)
  // before the reload a request that the failed server cannot answer goes to the other one
  expect((await servers()).statuses).toEqual([200])
  expect((await runProgram(nginx, ['-s', 'reload', ...args])).status).toBe(0)
  await vi.waitFor(async () => expect(await servers()).toEqual({ names: ['one'], statuses: [200] }), 10_000)
})

it('the units that reload nginx pass systemd-analyze verify', async (context) => {
  const analyze = findProgram('systemd-analyze') ?? context.skip('missing: systemd-analyze')
  const units = ['nginx-pool.path', 'nginx-pool.service'].map((name) => join(projectDir, 'contrib', name))
  expect(await runProgram(analyze, ['verify', ...units])).toMatchObject({ status: 0, stderr: '' })
})
