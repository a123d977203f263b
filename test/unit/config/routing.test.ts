/** The section [routing]: documented keys, defaults, faults with their lines, and nothing used if there is one. */
import { describe, expect, it } from 'vitest'
import { configDigest, loadConfig, loadUsableConfig } from '../../../src/core/config/load.js'
import { parseConfig } from '../../../src/core/config/parse.js'
import { ROUTING_SECTIONS } from '../../../src/core/config/routing/keys.js'
import { NO_ROUTING } from '../../../src/core/config/routing/schema.js'
import { configTemplate } from '../../../src/core/config/template.js'

const IGNORE =
  '[[routing.ignore]]\nprefix = "192.0.2.0/24"\nasn = "AS64496"\nreason = "ticket 1"\ndate = "2026-12-02"\n'

async function faultsOf(text: string): Promise<readonly string[]> {
  return (await parseConfig(text)).sectionFaults.map(({ line, message }) => `${line}: ${message}`)
}

describe('the section [routing]', () => {
  it('has defaults for every key that is not required', async () => {
    const { routing, sectionFaults } = await loadConfig(
      `[routing]\nbgp = ["/a.gz", "/b"]\nvrps = "/v.json"\nmin_peers = 5\nmax_age = "24h"\n${IGNORE}`,
      'brine.toml',
    )
    expect(sectionFaults).toEqual([])
    expect(routing).toEqual({
      bgp: ['/a.gz', '/b'],
      vrps: '/v.json',
      minPeers: 5,
      maxAge: 86_400,
      ignored: [{ prefix: '192.0.2.0/24', asn: 64496, reason: 'ticket 1', date: '2026-12-02' }],
      protected: [],
      protectedHosts: [],
      nameServers: [],
      disabled: null,
    })
    expect((await loadConfig('', 'brine.toml')).routing).toEqual(NO_ROUTING)
  })

  it.each([
    ['a relative path', '[routing]\nbgp = ["a"]\n', '2: bgp of [routing] must be a list of absolute paths, not "a"'],
    ['a path and no list', '[routing]\nbgp = "/a"\n', '2: bgp of [routing] must be a list of strings, not "/a"'],
    ['an unknown key', '[routing]\nbpg = []\n', '2: unknown key "bpg" in [routing], did you mean bgp?'],
    [
      'too many peers',
      '[routing]\nmin_peers = 65535\n',
      '2: min_peers of [routing] must be a whole number from 0 to 65534, not 65535',
    ],
    [
      'host bits',
      IGNORE.replace('2.0/24', '2.1/24'),
      '2: invalid prefix "192.0.2.1/24": bits are set beyond the length; the network is 192.0.2.0/24',
    ],
    ['no reason', IGNORE.replace(/reason.*\n/, ''), '1: [[routing.ignore]]: required key reason is missing'],
    [
      'a day that is none',
      IGNORE.replace('12-02', '13-02'),
      '5: date of [[routing.ignore]] must be a day such as "2026-12-02", not "2026-13-02"',
    ],
    [
      'a protected prefix that is none',
      '[routing]\nprotected_prefixes = ["192.0.2.1/24 => 1"]\n',
      '2: protected_prefixes has "192.0.2.1/24 => 1": expected "PREFIX => ASN" or "PREFIX"',
    ],
    [
      'a host that is a URI',
      '[routing]\nprotected_hosts = ["https://a.example/"]\n',
      '2: protected_hosts must be a list, each a host name such as "rpki.example.net", not "https://a.example/"',
    ],
    [
      'a name server by its name',
      '[routing]\nname_servers = ["ns.example"]\n',
      '2: name_servers must be a list, each an address such as "192.0.2.53" or "[2001:db8::1]:53", not "ns.example"',
    ],
    ['an announcement twice', `${IGNORE}${IGNORE}`, '6: 192.0.2.0/24 of AS64496 is in two [[routing.ignore]]'],
  ])('refuses %s', async (_, text, fault) => {
    expect(await faultsOf(text)).toEqual([fault])
  })

  it('reads protected prefixes with and without an AS', async () => {
    const text = '[routing]\nprotected_prefixes = ["192.0.2.0/24 => AS64496", "2001:db8::/48"]\n'
    const { routing } = await loadConfig(text, 'brine.toml')
    expect(routing.protected.map(({ asn, text: written }) => [asn, written])).toEqual([
      [64496, '192.0.2.0/24 => AS64496'],
      [undefined, '2001:db8::/48'],
    ])
  })

  it('is not used at all with a fault, and says so', async () => {
    const { routing } = await loadUsableConfig(`[routing]\nbgp = ["/a"]\nmin_peers = -1\n`, 'brine.toml')
    expect(routing).toMatchObject({ bgp: [], disabled: expect.stringMatching(/^line 3: min_peers/) })
  })

  it('changes the digest of the configuration only if it sets something', async () => {
    const digest = async (text: string) => configDigest(await loadConfig(text, 'brine.toml'))
    expect(await digest('[routing]\nmin_peers = 13\n')).toBe(await digest(''))
    expect(await digest('[routing]\nmin_peers = 5\n')).not.toBe(await digest(''))
  })

  it('is read by exactly the keys that are documented', async () => {
    for (const { header, keys } of ROUTING_SECTIONS) {
      const text = [header, ...keys.map(({ name, example }) => `${name} = ${example}`)].join('\n')
      expect([header, await faultsOf(text)]).toEqual([header, []])
      expect(configTemplate()).toContain(`#${header}\n`)
    }
    const known = new Set(ROUTING_SECTIONS.flatMap(({ keys }) => keys.map(({ name }) => name)))
    expect([...known].toSorted()).toEqual([
      'asn',
      'bgp',
      'date',
      'max_age',
      'min_peers',
      'name_servers',
      'prefix',
      'protected_hosts',
      'protected_prefixes',
      'reason',
      'vrps',
    ])
  })
})
