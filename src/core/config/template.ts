/** The `brine.toml` that `init` writes: every key at its default, commented out, so that the file says all there is to set. */
import { formatValue, KEYS, type Key, SECTIONS } from './schema.js'

const HEAD = `# Configuration of this data directory. Every key stands here with its default: take the # away and change the value.
# An unknown key is an error; \`brine config check\` names every fault with its line.
`

/** Text of a `brine.toml` that means the defaults. */
export function configTemplate(): string {
  const sections = SECTIONS.map(
    ({ title, keys }) => `# ${title}\n\n${keys.map((key) => keyLines(key, KEYS.get(key))).join('\n')}`,
  )
  return `${HEAD}\n${sections.join('\n')}`
}

function keyLines(name: string, key: Key | undefined): string {
  if (key === undefined) throw new TypeError(`no such key: ${name}`)
  return `# ${key.about}${rangeText(key)}\n#${name} = ${exampleValue(name, key)}\n`
}

function exampleValue(name: string, key: Key): string {
  if (key.default !== null) return formatValue(key.default)
  return name === 'repo_dir' ? '"/srv/rpki/repo"' : '90'
}

function rangeText(key: Key): string {
  if (key.type === 'integer') return ` (${key.min} to ${key.max})`
  if (key.type === 'enum') return ` (${key.values.map((v) => formatValue(v)).join(', ')})`
  return ''
}
