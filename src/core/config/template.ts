/** The `brine.toml` that `init` writes: every key, commented out, with its default or an example. */
import { ENROLMENT_SECTIONS, type EnrolmentKey, type EnrolmentSection } from './enrolment/keys.js'
import { HOOKS_SECTIONS } from './hooks/keys.js'
import { REPOSITORY_SECTIONS } from './repository/keys.js'
import { ROUTING_SECTIONS } from './routing/keys.js'
import { formatValue, KEYS, type Key, SECTIONS } from './schema.js'

const HEAD = `# Configuration of this data directory. Every key is listed with its default: remove the # and change the value.
# Unknown keys are errors; \`brine config check\` reports every finding with its line. See brine.toml(5).
`

const ENROLMENT_HEAD = `# CAs that issue enrolment certificates (EST)
# Remove the # from the sections you need, headers included. Sections in [[double brackets]] may be repeated; a [ca.*] table
# belongs to the [[ca]] above it.
`

const REPOSITORY_HEAD = `# Repository servers and the pool files of their load balancers
`

const ROUTING_HEAD = `# Announcements of BGP
`

const HOOKS_HEAD = `# Program on outcomes
`

/** Returns the text of a `brine.toml` that keeps every default. */
export function configTemplate(): string {
  const sections = SECTIONS.map(
    ({ title, keys }) => `# ${title}\n\n${keys.map((key) => keyLines(key, KEYS.get(key))).join('\n')}`,
  )
  const servers = REPOSITORY_SECTIONS.map(sectionLines).join('\n')
  const routing = ROUTING_SECTIONS.map(sectionLines).join('\n')
  const hooks = HOOKS_SECTIONS.map(sectionLines).join('\n')
  const enrolment = ENROLMENT_SECTIONS.map(sectionLines).join('\n')
  return `${HEAD}\n${sections.join('\n')}\n${REPOSITORY_HEAD}\n${servers}\n${ROUTING_HEAD}\n${routing}\n${HOOKS_HEAD}\n${hooks}\n${ENROLMENT_HEAD}\n${enrolment}`
}

function keyLines(name: string, key: Key | undefined): string {
  if (key === undefined) throw new TypeError(`unknown key: ${name}`)
  return `# ${key.about}${rangeText(key)}\n#${name} = ${exampleValue(name, key)}\n`
}

function sectionLines({ header, about, keys }: EnrolmentSection): string {
  return `# ${about}\n#${header}\n${keys.map(enrolmentLine).join('')}`
}

function enrolmentLine({ name, example, fallback, about }: EnrolmentKey): string {
  const note = fallback === 'required' ? `${about}; required` : about
  return `# ${note}\n#${name} = ${example}\n`
}

function exampleValue(name: string, key: Key): string {
  if (key.default !== null) return formatValue(key.default)
  if (key.type === 'path') return name === 'repo_dir' ? '"/srv/rpki/repo"' : '"/var/log/brine/exchanges"'
  return '90'
}

function rangeText(key: Key): string {
  if (key.type === 'integer') return ` (${key.min} to ${key.max})`
  if (key.type === 'enum') return ` (${key.values.map((v) => formatValue(v)).join(', ')})`
  return ''
}
