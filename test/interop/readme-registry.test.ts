/**
 * The first path of the README, literally: its shell blocks run in their order, as a user pastes them, with a real Krill as the registry whose
 * portal answers the two files. Krill has a name, a public address and an https certificate here, so that no command needs a permission.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Block, sectionOf, shellBlocks } from '../e2e/surface/shell-blocks.js'
import { Krill, needKrill } from '../support/peers/krill.js'
import { runOnline, skipUnlessOnline } from '../support/peers/online.js'
import { OwnNetwork } from '../support/peers/own-network.js'
import { projectDir, runProgram, shimmedEnv, writeShim } from '../support/processes/brine-shim.js'
import { expectCronLinesRun, expectSocketServes, expectTimerRuns } from '../support/sites/registry-units.js'
import { scratchFolder } from '../support/sites/testbed.js'

const HOST = 'registry.example.net'
const VRPS = ['AS64496,192.0.2.0/24,24']
const scratch = scratchFolder('readme-registry')
const work = scratch.dir
let krill: Krill | undefined
let network: OwnNetwork | undefined
afterAll(async () => {
  await krill?.stop()
  network?.stop()
  scratch.remove()
})

const blocks = shellBlocks(
  sectionOf(readFileSync(join(projectDir, 'README.md'), 'utf8'), '## Publish under a registry'),
)
const isPasted = (block: Block): boolean => block.note.startsWith('test/interop/readme-registry.test.ts')

/** What the operators of the registry do with the files that came, in its portal. */
async function answerFiles(registry: Krill): Promise<void> {
  const file = (name: string): string => join(work, name)
  if (existsSync(file('child-request.xml')) && !existsSync(file('parent-response.xml'))) {
    const request = readFileSync(file('child-request.xml'), 'utf8')
    const resources = { asn: 'AS64496', ipv4: '192.0.2.0/24', ipv6: '2001:db8::/32' }
    // the handle is the registry's choice
    writeFileSync(file('parent-response.xml'), await registry.addChild('testbed', 'ORG-4711', request, resources))
  }
  if (existsSync(file('publisher-request.xml')) && !existsSync(file('repository-response.xml'))) {
    const request = readFileSync(file('publisher-request.xml'), 'utf8')
    writeFileSync(file('repository-response.xml'), await registry.addPublisher('ORG-4711', request))
  }
}

test('a block of the path is pasted, or changes the system', () => {
  expect(blocks.filter((block) => !isPasted(block)).map(({ kind, note }) => `${kind}: ${note}`)).toEqual([
    'shown: changes the system',
    'shown: changes the system',
  ])
  expect(blocks.filter(isPasted).length).toBeGreaterThan(3)
})

test('from an empty directory to the ROA that validators see', async (context) => {
  skipUnlessOnline(context)
  const programs = needKrill(context)
  network = await OwnNetwork.start(join(work, 'network'), HOST)
  krill = await Krill.start(join(work, 'krill'), programs, { testbed: true, host: HOST, network })
  writeShim(work)
  const env = shimmedEnv(work, {
    ...{ BRINE_DATA_DIR: join(work, 'data'), SHLVL: '1' },
    // the only difference to a registry on the Internet, whose certificate is of a CA that everybody trusts
    NODE_EXTRA_CA_CERTS: network.caFile,
  })
  const said: string[] = []
  for (const { script } of blocks.filter(isPasted)) {
    await answerFiles(krill)
    const [program = '', ...args] = network.inside(['bash', '-euo', 'pipefail', '-c', script], work)
    const ran = await runProgram(program, args, { env })
    expect(ran, script + ran.stdout).toMatchObject({ status: 0, stderr: '' })
    said.push(ran.stdout)
  }
  expect(said[2]).toMatch(/192\.0\.2\.0\/24 +24 +AS64496 +published/)
  expect(said[3]).toMatch(/^OK /m)

  // the crontab that the path installs, with no more environment than cron gives: it starts in the home of its user
  const cron = readFileSync(join(projectDir, 'contrib/brine.cron'), 'utf8').replace(
    'PATH=/usr/local/bin',
    `PATH=${join(work, 'bin')}`,
  )
  const lines = cron.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const assigned = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('=') as [string, string])
  const [job = ''] = lines.flatMap((line) => /^\*\/\d+(?: \*){4} (\S.*)$/.exec(line)?.[1] ?? [])
  const bare = { ...Object.fromEntries(assigned), BRINE_DATA_DIR: join(work, 'data'), HOME: work, SHELL: '/bin/sh' }
  const last = join(work, 'data/status/last-tick.json')
  rmSync(last)
  // peers that were never asked are due: the run has to reach the registry
  rmSync(join(work, 'data/status/exchanges'), { recursive: true })
  const [sh = '', ...rest] = network.inside(['/bin/sh', '-c', job], work)
  const ticked = await runProgram(sh, rest, { env: { ...bare, NODE_EXTRA_CA_CERTS: network.caFile } })
  expect(ticked).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect(JSON.parse(readFileSync(last, 'utf8')).value).toEqual({ at: expect.any(String), failed: 0 })
  const after = await runProgram(join(work, 'bin/brine'), ['status', '--json'], { env })
  const asked = { exchange: { outcome: 'success' } }
  expect(JSON.parse(after.stdout)).toMatchObject({ verdict: 'ok', parents: [asked], repositories: [asked] })

  const site = { work, network }
  await expectTimerRuns(site)
  await expectSocketServes(site)
  await expectCronLinesRun(site)

  await krill.wait(() => krill?.published('ORG-4711').some((name) => name.endsWith('.roa')) === true)
  const roots = join(work, 'roots')
  const tal = await krill.serveTo(roots)
  for (const transport of ['rsync', 'rrdp'] as const) {
    const { ok, output } = await runOnline(roots, tal, work, { transport, vrps: VRPS })
    expect(ok, output).toBe(true)
  }
}, 180_000)
