/** Runs every command with `--json` in directories of its own, and keeps the shape of each report. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import { withHost } from '../../../src/core/peers/host.js'
import { decodeRouterRequest } from '../../../src/core/rpki/router-request.js'
import { partyOf } from '../../support/peers/parties.js'
import { publisherAt } from '../../support/peers/publisher.js'
import { childRequest, parentResponse, publisherRequest, repositoryResponse } from '../../support/peers/setup-files.js'
import { runBrine } from '../../support/processes/cli.js'
import { routerRequest } from '../../support/rpki/router-requests.js'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'
import { quickSession } from '../../support/sites/testbed.js'
import { merged, type Shape, shapeOf } from './json-shape.js'

const BASES = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']
const TAL = ['--tal-https', 'https://rpki.example/ta/ta.cer', '--tal-rsync', 'rsync://rpki.example/ta/ta.cer']
/** Exit codes of commands that tell what they found by one. */
const TELLS: Readonly<Record<string, number>> = {
  'answer rfc6492': 1,
  'audit diff': 4,
  'clock show': 1,
  doctor: 1,
  'parent refresh': 15,
  plan: 4,
  'pubserver probe': 15,
}
const WHY = ['--reason', 'test']

/** Runs a command, keeps its shape under its words without arguments, and returns its report. */
type Run = (id: string, ...args: readonly string[]) => Promise<Record<string, unknown>>

export interface Observed {
  /** The shape of all reports of a command, by its words. */
  readonly shapes: ReadonlyMap<string, Shape>
  /** What `changed` was in each run that was no dry run, by the words of the command. */
  readonly changed: ReadonlyMap<string, readonly unknown[]>
}

/** Runs all commands. Throws where one fails. */
export async function observeJson(): Promise<Observed> {
  const shapes = new Map<string, Shape>()
  const changed = new Map<string, readonly unknown[]>()
  const site = new EnrolSite()
  const folder = site.box.path('.')
  const runIn =
    (dataDir: string, now?: () => string): Run =>
    async (id, ...args) => {
      const at = now?.()
      const words = [...id.split(' '), ...args, '--json']
      const ran = await runBrine(words, { dataDir, cwd: folder, ...(at === undefined ? {} : { now: at }) })
      if (ran.code !== 0 && ran.code !== TELLS[id])
        throw new Error(`brine ${words.join(' ')}: ${ran.code}\n${ran.stdout}${ran.stderr}`)
      const report = ran.json<Record<string, unknown>>()
      const before = shapes.get(id)
      shapes.set(id, before === undefined ? shapeOf(report) : merged(before, shapeOf(report)))
      if (!args.includes('--dry-run') && 'changed' in report)
        changed.set(id, [...(changed.get(id) ?? []), report['changed']])
      return report
    }
  try {
    await emptyDirectory(runIn(join(folder, 'empty')), folder)
    await serverFiles(runIn(join(folder, 'set-up')))
    await site.init()
    const run = runIn(site.data, () => site.instant)
    await authority(run, folder, site)
    await proof(run, site)
    await enrolment(run, site)
    await upkeep(run, site, folder)
    await withHost(site.data, 'parent.example:443', (clock) => clock.use(site.instant as Instant))
    site.now -= 3 * 86400
    await run('clock show')
    await run('clock reset', ...WHY, '--dry-run')
    await run('clock reset', ...WHY)
    return { shapes, changed }
  } finally {
    site.remove()
  }
}

async function emptyDirectory(run: Run, folder: string): Promise<void> {
  await run('init')
  await run('pubserver init', ...BASES)
  for (const more of [['--dry-run'], ['--yes']]) await run('pubserver clear', ...more)
  await run('pubserver init', ...BASES)
  await run('ta init', ...TAL)
  await run('ta show')
  await run('ta tal')
  await run('demote', ...WHY)
  await run('promote', ...WHY, '--dry-run')
  await run('promote', ...WHY, '--yes')
  writeFileSync(join(folder, 'roas'), 'R: 192.0.2.0/24 => 64496\nA: 192.0.2.0/25 => 64497\n')
}

async function serverFiles(run: Run): Promise<void> {
  const uris = ['--rsync', 'rsync://rpki.example.net/repo/', '--rrdp', 'https://rpki.example.net/rrdp/']
  await run('setup', ...uris, '--dry-run')
  await run('setup', ...uris)
  await run('contrib')
  await run('contrib', 'nginx')
  await run('completion', 'bash')
}

const LIST =
  '<message xmlns="http://www.apnic.net/specs/rescerts/up-down/" version="1" sender="new" recipient="testbed" type="list"/>'

/** A change of the ID key toward one peer. */
async function idKeys(run: Run, topic: string, owner: readonly string[], peer: readonly string[]): Promise<void> {
  for (const more of [['--dry-run'], []]) await run(`${topic} id add`, ...owner, ...more)
  for (const more of [['--dry-run'], []]) await run(`${topic} id renew`, ...owner, ...more)
  const { ids } = await run(`${topic} id show`, ...owner)
  const [old, fresh] = (ids as readonly { ski: string }[]).map(({ ski }) => ski)
  if (old === undefined || fresh === undefined) throw new Error('no two ID keys')
  for (const more of [['--dry-run'], []]) await run(`${topic} id use`, ...owner, fresh, ...peer, ...more)
  for (const more of [['--dry-run'], []]) await run(`${topic} id retire`, ...owner, old, ...more)
}

/** A list of the child elsewhere, whose ID key is the first fixed one, and a revocation that is refused. */
async function answers(run: Run, folder: string, at: Instant): Promise<void> {
  const child = await partyOf(0)
  const list = LIST.replace('"new"', '"elsewhere"')
  const revoke = `${list.slice(0, -2).replace('"list"', '"revoke"')}><key class_name="none" ski="${'A'.repeat(27)}="/></message>`
  for (const [name, xml] of [['ask.cms', list] as const, ['revoke.cms', revoke] as const])
    writeFileSync(join(folder, name), await child.say(xml, at))
  await run('answer rfc6492', 'testbed', '--request', join(folder, 'ask.cms'))
  await run('answer rfc6492', 'testbed', '--request', join(folder, 'revoke.cms'), '--out', join(folder, 'refused.cms'))
}

async function authority(run: Run, folder: string, site: EnrolSite): Promise<void> {
  await run('testbed init', ...BASES)
  await run('ca add', 'acme', '--under', 'testbed', '--resources', '192.0.2.0/24,10.0.0.0/8,AS64496')
  await run('ca add', 'new')
  await run('child add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8')
  writeFileSync(join(folder, 'child-request.xml'), await childRequest('elsewhere'))
  const child = await partyOf(1)
  writeFileSync(join(folder, 'peer.cer'), child.certificate.der)
  writeFileSync(join(folder, 'list.cms'), await child.say(LIST, '2026-06-01T12:00:00Z' as Instant))
  await run('inspect', join(folder, 'child-request.xml'), join(folder, 'list.cms'), '--peer', join(folder, 'peer.cer'))
  const elsewhere = ['--request', join(folder, 'child-request.xml'), '--service-uri', 'https://rpki.example/']
  for (const more of [['--dry-run'], []])
    await run('child add', 'testbed', 'elsewhere', ...elsewhere, '--resources', '10.0.0.0/9', ...more)
  await run('child response', 'testbed', 'elsewhere', '--service-uri', 'https://rpki.example/')
  await answers(run, folder, site.instant as Instant)
  await run('child suspend', 'testbed', 'elsewhere')
  await run('child unsuspend', 'testbed', 'elsewhere')
  await idKeys(run, 'ca', ['testbed'], ['--child', 'elsewhere'])
  await run('child update', 'testbed', 'elsewhere', '--request', join(folder, 'child-request.xml'))
  await run('child remove', 'testbed', 'elsewhere', '--yes')
  writeFileSync(join(folder, 'publisher-request.xml'), await publisherRequest('elsewhere'))
  const publisher = ['--request', join(folder, 'publisher-request.xml'), '--service-uri', 'https://rpki.example/']
  for (const more of [['--dry-run'], []]) await run('pubserver publisher add', 'elsewhere', ...publisher, ...more)
  await run('pubserver publisher response', 'elsewhere', '--service-uri', 'https://rpki.example/')
  await run('pubserver publisher list')
  await run('pubserver publisher show', 'elsewhere')
  const query = '<msg xmlns="http://www.hactrn.net/uris/rpki/publication-spec/" version="4" type="query"><list/></msg>'
  writeFileSync(join(folder, 'query.cms'), await (await partyOf(0)).say(query, site.instant as Instant))
  await run('answer rfc8181', 'elsewhere', '--request', join(folder, 'query.cms'))
  const uri = await publishElsewhere(site)
  await run('pubserver publisher show', 'elsewhere')
  for (const more of [['--dry-run'], ['--yes']]) await run('pubserver purge', uri, ...more)
  await idKeys(run, 'pubserver', [], ['--publisher', 'elsewhere'])
  writeFileSync(join(folder, 'publisher-request-2.xml'), await publisherRequest('elsewhere', 2n))
  await run('pubserver publisher update', 'elsewhere', '--request', join(folder, 'publisher-request-2.xml'))
  for (const more of [['--dry-run'], ['--yes']]) await run('pubserver publisher remove', 'elsewhere', ...more)
  await run('parent add', 'new', 'testbed', '--local')
  await run('parent request', 'new')
  writeFileSync(join(folder, 'parent-response.xml'), await parentResponse('new'))
  for (const more of [['--dry-run'], []])
    await run(
      ...['parent add', 'new', 'registry', '--response', join(folder, 'parent-response.xml'), '--allow-private'],
      ...more,
    )
  await run('repo configure', 'new', '--local')
  await run('parent refresh', 'new')
  await run('ca add', 'away')
  await run('repo request', 'away')
  writeFileSync(join(folder, 'repository-response.xml'), await repositoryResponse('away'))
  for (const more of [['--dry-run'], []])
    await run(
      'repo configure',
      'away',
      '--response',
      join(folder, 'repository-response.xml'),
      '--allow-private',
      ...more,
    )
  await run('repo show', 'away')
  for (const more of [['--dry-run'], []]) await run('repo migrate', 'away', '--local', '--no-sync', ...more)
  await run('repo show', 'away')
  await run('repo status')
  await run('ca show', 'away')
  await run('repo migrate', 'away', '--cancel', '--no-sync', '--dry-run')
  await run('repo migrate', 'away', '--abandon-old', '--no-sync', '--reason', 'closed')
  await run('ca remove', 'away', '--yes')
  await run('repo sync', 'new')
  await run('parent list', 'new')
  await run('parent show', 'new', 'registry')
  await run('status')
  for (const more of [['--dry-run'], ['--yes']]) await run('parent remove', 'new', 'registry', ...more)
  for (const more of [['--dry-run'], []]) {
    await run('roa add', 'acme', '192.0.2.0/24 => 64496 # office', '10.0.0.0/8-9 => 64496', ...more)
    await run(
      'roa update',
      'acme',
      '--file',
      join(folder, 'roas'),
      ...(more.length === 0 ? [] : ['--idempotent', ...more]),
    )
    await run('child update', 'testbed', 'acme', '--remove', '10.0.0.0/8', '--yes', '--reason', 'test', ...more)
  }
  await run('roa list', 'acme')
  await run('why', '10.0.0.0/8-9 => 64496')
  const dump = join(folder, 'routes.csv')
  writeFileSync(dump, '64496,192.0.2.0/24\n64497,192.0.2.0/25\n64496,192.0.2.128/26\n')
  await run('roa analyze', 'acme', '--bgp', dump, '--stale-bgp', '--all')
  await run('roa suggest', 'acme', '--bgp', dump, '--stale-bgp')
  await run('child update', 'testbed', 'acme', '--add', '10.0.0.0/8')
  await run('roa remove', 'acme', '10.0.0.0/8-9 => 64496')
  await run('roa replace', 'acme', '192.0.2.0/25 => 64497', '10.0.0.0/9 => 64496 # half')
  await desiredState(run, folder)
  await aspas(run)
  await routers(run, folder)
  await run('keyroll init', 'acme', '--dry-run')
  await run('keyroll init', 'acme', '--activate-after', '24h')
  await run('keyroll status')
  await run('keyroll cancel', 'acme', '--dry-run')
  await run('keyroll cancel', 'acme')
  await run('keyroll init', 'acme', '--activate-after', '24h')
  await run('republish', 'acme', '--now')
  await run('keyroll activate', 'acme', '--now', '--dry-run')
  await run('keyroll activate', 'acme', '--now', '--yes')
  await run('keyroll status', 'acme')
  await run('ca list')
  await run('ca show', 'acme')
  await run('child list', 'testbed')
  await run('child show', 'testbed', 'acme')
  await run('child remove', 'testbed', 'new', '--yes', '--reason', 'test')
  await run('ca remove', 'new', '--yes')
  await run('pubserver show')
  await run('pubserver stats')
  await run('pubserver write')
  await run('pubserver push', join(folder, 'pushed'))
  await probe(run, join(folder, 'probed.toml'), folder)
  await run('pubserver session-reset', '--yes')
}

/** ASPAs of `acme`, one of them not held after it was added. */
async function aspas(run: Run): Promise<void> {
  await run('child update', 'testbed', 'acme', '--add', 'AS64496, AS64500')
  for (const more of [['--dry-run'], []]) {
    await run('aspa add', 'acme', '64496 => 64497, 64498 # transit', 'AS64500=AS0', ...more)
  }
  for (const more of [['--dry-run'], []])
    await run('aspa update', 'acme', '64496', '--add', '64499', '--remove', 'AS64497', ...more)
  await run('child update', 'testbed', 'acme', '--remove', 'AS64500', '--yes')
  await run('aspa list', 'acme')
  for (const more of [['--dry-run'], []]) await run('aspa remove', 'acme', '64500', ...more)
}

/** Router keys of `acme`: one that another replaces, and is removed. */
async function routers(run: Run, folder: string): Promise<void> {
  const [old, fresh] = [join(folder, 'old.csr'), join(folder, 'new.csr')]
  // in the order of the keys, in which they are listed
  const skiOf = (der: Uint8Array): string => decodeRouterRequest(der).content?.ski ?? ''
  const requests = [routerRequest(), routerRequest()].sort((a, b) => (skiOf(a) < skiOf(b) ? -1 : 1))
  for (const [n, file] of [old, fresh].entries()) writeFileSync(file, requests[n] ?? '')
  const more = ['--note', 'edge']
  await run('router add', 'acme', '--asn', '64496', '--csr', old, ...more, '--dry-run')
  const added = await run('router add', 'acme', '--asn', '64496', '--csr', old, ...more)
  const [name = ''] = added['added'] as readonly string[]
  const roll = ['acme', name, '--csr', fresh, '--remove-after', '24h']
  for (const dry of [['--dry-run'], []]) await run('router roll', ...roll, ...dry)
  await run('router list', 'acme')
  for (const dry of [['--dry-run'], []]) await run('router remove', 'acme', name, ...dry)
}

/** Takes away and gives back addresses by desired state, and adds a ROA with a comment. */
async function desiredState(run: Run, folder: string): Promise<void> {
  await run('export')
  const { cas } = await run('export', 'acme')
  const [acme] = cas as readonly { readonly roas: readonly object[] }[]
  const file = join(folder, 'state.json')
  const write = (resources: string, roas: readonly object[]): void => {
    const parents = [{ handle: 'testbed', resources }]
    writeFileSync(file, JSON.stringify({ format: 1, cas: [{ handle: 'acme', parents, roas }] }))
  }
  for (const resources of ['192.0.2.0/24, AS64496', '10.0.0.0/8, 192.0.2.0/24, AS64496']) {
    write(resources, [...(acme?.roas ?? []), { prefix: '192.0.2.128/25', asn: 64499, comment: 'new' }])
    await run('plan', file, '--prune')
    for (const more of ['--dry-run', '--yes']) await run('apply', file, '--prune', more)
  }
}

/** Publishes an object as the publisher elsewhere does, whose ID key is the first fixed one. Returns its URI. */
async function publishElsewhere(site: EnrolSite): Promise<string> {
  const publisher = publisherAt(await partyOf(0), parseHandle('elsewhere'), 'rsync://rpki.example/repo/elsewhere/')
  const pdu = publisher.put('x.roa', 'ex')
  await publisher.ask(await quickSession(site.data, site.instant), [pdu])
  return pdu.uri
}

/** Probes a server that does not answer. */
async function probe(run: Run, config: string, folder: string): Promise<void> {
  const server =
    '[[repository.server]]\nname = "one"\nnotification = "https://127.0.0.1:1/n.xml"\nrsync = "rsync://127.0.0.1:1/r/"\n'
  writeFileSync(config, `${server}[[repository.pool]]\nfile = "${join(folder, 'pool.conf')}"\n`)
  await run('pubserver probe', '--config', config)
  await run('status', '--config', config)
}

async function proof(run: Run, site: EnrolSite): Promise<void> {
  await run('history list')
  await run('history show', 'ca/acme', '1')
  await run('audit key init')
  await run('audit checkpoint')
  await run('audit digest')
  await run('audit show', 'ca/acme', '--at', '1')
  await run('audit diff', 'ca/acme', '--from', '1')
  await run('audit export', '--out', site.box.path('export'))
  await run('audit verify')
  await run('inspect', join(site.data, 'repo', 'ta', 'ta.cer'), join(site.data, 'repo', 'ta', 'ta.tal'))
}

async function enrolment(run: Run, site: EnrolSite): Promise<void> {
  const auth = 'auth = ["password"]\n'
  site.configure(`${site.fileCa('one')}${site.fileCa('two')}${group('device', ['one', 'two'])}${auth}`)
  site.now += 120
  await run('ha probe', '--now')
  await run('ha simulate', 'device', '-n', '10')
  await run('ha drain', 'one', ...WHY, '--dry-run')
  await run('ha drain', 'one', ...WHY)
  await run('ha resume', 'one')
  await run('est cacerts', 'device')
  await run('est csrattrs', 'device')
  const csr = site.request()
  const { id, pem } = await run('est enroll', 'device', '--csr', csr)
  writeFileSync(site.box.path('old.pem'), String(pem))
  site.now += 60
  await run('est renew', 'device', '--csr', csr, '--cert', site.box.path('old.pem'))
  await run('est status')
  await run('est status', String(id))
  await run('est cert list')
  await run('est cert show', String(id))
  await run('est cert revoke', String(id), '--because', 'superseded', '--yes')
  await run('est crl', 'one')
  await run('ha status')
  const otp = await run('est otp create', 'device', '--note', 'sensor')
  await run('est otp list')
  await run('est otp revoke', String(otp['id']))
}

async function upkeep(run: Run, site: EnrolSite, folder: string): Promise<void> {
  await run('config check')
  await run('config show')
  await run('tls show')
  await run('tls renew', '--yes')
  await run('status')
  await run('doctor', '--bundle', join(folder, 'support.tar.gz'))
  await run('report', join(folder, 'report.html'))
  await run('republish', '--now')
  site.now += 40 * 86400
  await run('tick')
  await run('status')
  await run('republish')
  await run('archive', '--older-than', '1d', '--dry-run')
  await run('archive', '--older-than', '1d')
  await run('recover')
  writeFileSync(join(site.data, 'keys', 'AB'.repeat(20)), 'left behind')
  await run('clean', '--older-than', '1d', '--dry-run')
  await run('clean', '--older-than', '1d', '--yes')
  await run('upgrade')
  const backups = join(folder, 'backups')
  await run('backup create', `${backups}.tar`, '--plain')
  await run('backup list', folder)
  await run('backup verify', `${backups}.tar`)
  await run('restore', `${backups}.tar`, '--into', join(folder, 'restored'), '--yes')
  await run('backup prune', folder, '--keep-daily', '1', '--keep-monthly', '1', '--yes')
}
