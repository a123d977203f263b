/** brine.toml(5), generated from the tables that the parser and the template use. Pure. */
import { ENROLMENT_SECTIONS, type EnrolmentSection } from '../../config/enrolment/keys.js'
import { HOOKS_SECTIONS } from '../../config/hooks/keys.js'
import { REPOSITORY_SECTIONS } from '../../config/repository/keys.js'
import { ROUTING_SECTIONS } from '../../config/routing/keys.js'
import { formatValue, KEYS, type Key, SECTIONS } from '../../config/schema.js'
import { bold, entry, escapeRoff, formatPage, italic, literal, paragraphs } from './roff.js'

const ABOUT = [
  'brine.toml configures a data directory. brine init writes it with every key commented out. The format is TOML 1.0.',
  'Unknown keys and values out of range are errors. brine config check reports every finding with its line; brine config show prints the value of every key.',
  'An error in an enrolment section, even one that is not TOML, disables that section alone: brine tick publishes, names the error and exits 3, and brine status is a warning. A CA with an error is left out of its groups; a label is refused if it, its profile or its group has an error; an error in [ha] stops the commands of ha and est. An error above the first section, or a key of it that stands below a section, stops every command with exit code 2, since these keys say where and when to publish.',
  'An error in a section of the repository servers disables all of these: brine pubserver probe writes no pool file, since one without a server would take that server out.',
  'Durations are text such as "30s", "15m", "24h" or "90d". Paths are absolute.',
]

const EXAMPLE = [
  'timing_publish_next_hours = 24',
  'key_pool_size = 50',
  '',
  '[[ca]]',
  'id = "one"',
  'backend = "file"',
  '[ca.file]',
  'ca_cert = "/etc/brine/one.pem"',
  'ca_key = "/etc/brine/one.key"',
  '',
  '[[est.label]]',
  'name = "device"',
  'ca_id = "one"',
  'auth = ["certificate", "password"]',
  'client_ca = "/etc/brine/clients.pem"',
]

/** Returns the text of brine.toml(5). */
export function configPage(version: string): string {
  const own = SECTIONS.flatMap(({ title, keys }) => [
    `.SS ${escapeRoff(title)}`,
    ...keys.flatMap((name) => keyEntry(name, KEYS.get(name))),
  ])
  return formatPage({
    name: 'brine.toml',
    volume: 5,
    version,
    sections: [
      { title: 'NAME', body: ['brine.toml \\- configuration of a Brine data directory'] },
      { title: 'SYNOPSIS', body: ['.PP', `${italic('DATA_DIR')}${bold('/brine.toml')}`] },
      { title: 'DESCRIPTION', body: ABOUT.flatMap(paragraphs) },
      { title: 'KEYS', body: own },
      { title: 'REPOSITORY SERVERS', body: REPOSITORY_SECTIONS.flatMap(sectionEntries) },
      { title: 'ROUTING', body: ROUTING_SECTIONS.flatMap(sectionEntries) },
      { title: 'HOOKS', body: HOOKS_SECTIONS.flatMap(sectionEntries) },
      { title: 'ENROLMENT', body: ENROLMENT_SECTIONS.flatMap(sectionEntries) },
      { title: 'EXAMPLES', body: literal(EXAMPLE) },
      {
        title: 'SEE ALSO',
        body: [
          '.PP',
          ['brine', 'brine-config', 'brine-pubserver', 'brine-est', 'brine-ha']
            .map((name) => `${bold(name)}(1)`)
            .join(', '),
        ],
      },
    ],
  })
}

function keyEntry(name: string, key: Key | undefined): readonly string[] {
  if (key === undefined) throw new TypeError(`unknown key: ${name}`)
  const range =
    key.type === 'integer'
      ? `; ${key.min} to ${key.max}`
      : key.type === 'enum'
        ? `; one of ${key.values.join(', ')}`
        : ''
  const fallback = key.default === null ? 'unset by default' : `default ${formatValue(key.default)}`
  return entry(bold(name), `${key.about}${range}; ${fallback}`)
}

function sectionEntries({ header, about, keys }: EnrolmentSection): readonly string[] {
  return [
    `.SS ${escapeRoff(header)}`,
    ...paragraphs(about),
    ...keys.flatMap(({ name, about: text, fallback, details = [] }) => [
      ...entry(bold(name), `${text}; ${fallbackText(fallback)}`),
      ...details.flatMap((one) => ['.IP', escapeRoff(one)]),
    ]),
  ]
}

function fallbackText(fallback: string): string {
  if (fallback === 'required') return 'required'
  return fallback === 'unset' ? 'unset by default' : `default ${fallback}`
}
