/** A data directory with something in every part of a report: a tree of CAs, hostile texts, enrolment CAs of which one failed, a rejected command. */
import { renameSync } from 'node:fs'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

/** Texts that a user can store, and that would change a page that does not escape them. */
export const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  'שלום (abc) مرحبا',
  '🛰️ 👩‍👩‍👧 ünïcode',
  '</style></svg><!-- ',
] as const

export const LONG = `long${'x'.repeat(900)}`

/** Makes the site. Its clock stands three weeks after the first command. */
export async function reportSite(): Promise<EnrolSite> {
  const site = new EnrolSite()
  const run = async (...args: readonly string[]): Promise<void> => {
    const ran = await site.brine(...args)
    if (ran.code !== 0) throw new Error(`brine ${args.join(' ')}: ${ran.code}\n${ran.stdout}${ran.stderr}`)
  }
  await site.init()
  await run('testbed', 'init')
  await run(
    'ca',
    'add',
    'north',
    '--under',
    'testbed',
    '--resources',
    '192.0.2.0/24, 198.51.96.0/20, 2001:db8::/32, AS64496-AS64511',
  )
  await run('ca', 'add', 'north/coast', '--under', 'north', '--resources', '192.0.2.128/25, 2001:db8:100::/40')
  await run(
    'ca',
    'add',
    'south',
    '--under',
    'testbed',
    '--resources',
    '203.0.112.0/20, 10.0.0.0/9',
    '--reason',
    HOSTILE[0],
  )
  await run('ca', 'add', 'customer', '--under', 'north/coast', '--resources', '192.0.2.192/26', '--actor', HOSTILE[1])
  const roas = [
    ...HOSTILE.map((text, n) => ['north', `198.51.${100 + n}.0/24 => 64496 # ${text}`]),
    ...[
      ['north', `2001:db8::/33 => 64496 # ${LONG}`],
      ['north/coast', '192.0.2.128/26 => 64500'],
      ['south', '10.0.0.0/10 => 64501'],
    ],
  ] as const
  for (const [ca, roa] of roas) await run('roa', 'add', String(ca), String(roa))
  await site.brine('roa', 'add', 'south', `192.0.2.0/24 => 64496 # ${HOSTILE[0]}`)
  await enrolmentCas(site, run)
  return site
}

/** One CA is out of service for four days, then another is drained. */
async function enrolmentCas(site: EnrolSite, run: (...args: readonly string[]) => Promise<void>): Promise<void> {
  const [one, two] = [site.ca('one'), site.ca('two')]
  site.configure(
    `${site.fileCa('one', one)}${site.fileCa('two', two)}${group('device', ['one', 'two'])}auth = ["password"]\n`,
  )
  const day = 86_400
  site.now += 5 * day
  await run('tick')
  renameSync(one.key, `${one.key}.away`)
  for (let n = 0; n < 6; n++) {
    site.now += 600
    await site.brine('ha', 'probe', '--now')
  }
  site.now += 4 * day
  renameSync(`${one.key}.away`, one.key)
  for (let n = 0; n < 6; n++) {
    site.now += 600
    await site.brine('ha', 'probe', '--now')
  }
  site.now += 5 * day
  await run('tick')
  await run('ha', 'drain', 'two', '--reason', HOSTILE[0], '--actor', HOSTILE[1])
  site.now += 7 * day
  await run('tick')
  await run('est', 'otp', 'create', 'device', '--note', HOSTILE[3])
  site.now += 3600
}
