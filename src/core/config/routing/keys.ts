/**
 * Documents every key of the section `[routing]` of `brine.toml`, for the template that `init` writes and for brine.toml(5).
 * Invariant: parse.ts reads exactly these keys; test/unit/config/routing.test.ts compares both.
 */
import type { EnrolmentSection } from '../enrolment/keys.js'

export const ROUTING_SECTIONS: readonly EnrolmentSection[] = [
  {
    header: '[routing]',
    about: 'Announcements of BGP beside which ROAs are judged (brine roa analyze, roa suggest, roa add --dry-run).',
    keys: [
      {
        name: 'bgp',
        about: 'files of announcements: RIS whois dumps, CAIDA pfx2as, or lines ASN,PREFIX; each may be gzip',
        example: '["/var/lib/brine/riswhoisdump.IPv4.gz", "/var/lib/brine/riswhoisdump.IPv6.gz"]',
        fallback: '[]',
        details: ['brine fetches nothing: cron has to, for instance with curl --remote-time --time-cond.'],
      },
      {
        name: 'vrps',
        about: 'JSON of a validator, with all VRPs that it knows: rpki-client -j, or routinator vrps --format json',
        example: '"/var/lib/rpki-client/json"',
        fallback: 'unset',
        details: ['Without it only the ROAs of this data directory are known.'],
      },
      {
        name: 'min_peers',
        about: 'an announcement that fewer peers of the collector see is left out; Krill takes 13, the RIPE NCC 5',
        example: '13',
        fallback: '13',
      },
      {
        name: 'max_age',
        about: 'data that is older is refused, unless --stale-bgp is given',
        example: '"168h"',
        fallback: '"168h"',
      },
      {
        name: 'protected_prefixes',
        about:
          'prefixes that relying parties need to reach, with the AS that announces each, or without where bgp tells',
        example: '["192.0.2.0/24 => AS64496", "2001:db8::/48"]',
        fallback: '[]',
        details: [
          'A change that makes a route to one of them, or to a protected host, invalid is refused.',
          '--allow-invalid-repository with --reason makes it nevertheless.',
        ],
      },
      {
        name: 'protected_hosts',
        about: 'hosts to protect beside those of our repository, our parents and their repositories',
        example: '["rpki.example.net"]',
        fallback: '[]',
        details: ['brine tick looks up their addresses, and those of the name servers of their zones, once an hour.'],
      },
      {
        name: 'name_servers',
        about: 'name servers that brine tick asks for these addresses; empty: those of the system',
        example: '["192.0.2.53"]',
        fallback: '[]',
      },
    ],
  },
  {
    header: '[[routing.ignore]]',
    about: 'An announcement that people have judged: it is counted, and not listed as a problem. Repeat the section.',
    keys: [
      { name: 'prefix', about: 'the prefix announced', example: '"192.0.2.0/24"', fallback: 'required' },
      { name: 'asn', about: 'its origin', example: '"AS64496"', fallback: 'required' },
      {
        name: 'reason',
        about: 'why it needs no ROA',
        example: '"scrubbing centre, ticket 4711"',
        fallback: 'required',
      },
      { name: 'date', about: 'the day of the judgement', example: '"2026-12-02"', fallback: 'required' },
    ],
  },
]
