/** Generates the manual from the commands: brine(1), one page for each topic, and brine.toml(5). Pure. */
import { configPage } from './config-page.js'
import { exitStatusOf } from './exit-status.js'
import { ENVIRONMENT, EXIT_STATUS, FILES, STANDARDS } from './facts.js'
import {
  argsOf,
  argText,
  commandWords,
  flagValue,
  globalFlagsOf,
  type Manifest,
  type ManifestCommand,
  type ManifestFlag,
  ownFlags,
  usage,
  visibleCommands,
} from './manifest.js'
import { bold, entry, escapeRoff, formatPage, italic, literal, paragraphs, type Section, synopsis } from './roff.js'

/** Descriptions of the program and of each topic, from package.json. */
export interface ProgramTexts {
  readonly description: string
  readonly topics: Readonly<Record<string, { readonly description: string } | undefined>>
}

/** Returns the content of each page by file name (`brine-roa.1`). Throws `TypeError` for a topic that package.json does not describe. */
export function manualPages(manifest: Manifest, texts: ProgramTexts): ReadonlyMap<string, string> {
  const commands = visibleCommands(manifest)
  const words = [...new Set(commands.map(firstWord))]
  const pages = new Map([
    ['brine.1', mainPage(manifest, texts)],
    ['brine.toml.5', configPage(manifest.version)],
  ])
  for (const word of words) {
    const own = commands.filter((command) => firstWord(command) === word)
    pages.set(`brine-${word}.1`, topicPage(manifest, word, own, describe(word, own, texts)))
  }
  return pages
}

function firstWord(command: ManifestCommand): string {
  return command.id.split(':')[0] ?? command.id
}

/** Returns the description of a topic, or of the command of that name. */
function describe(word: string, commands: readonly ManifestCommand[], { topics }: ProgramTexts): string {
  const [only] = commands
  const text = topics[word]?.description ?? (only?.id === word ? only.summary : undefined)
  if (text === undefined) throw new TypeError(`package.json: oclif.topics has no description of ${word}`)
  return text
}

function mainPage(manifest: Manifest, { description }: ProgramTexts): string {
  const about = [
    'Brine has no daemon. Every command opens a data directory, applies one change, makes it durable and exits.',
    'Periodic work is done by brine tick, which cron or a systemd timer runs every 5 minutes.',
    'There are three ways to begin, and a data directory may hold all of them; brine testbed init makes a sandbox for a first try.',
    'Under a registry, in its repository: brine init makes a data directory and brine ca add a CA. brine parent request and brine repo request write two XML files (RFC 8183) for the portal of the registry, whose two answers brine parent add and brine repo configure take. brine parent refresh gets the certificate, brine roa add makes ROAs; each of these commands publishes what it has changed.',
    'With a repository of your own: brine pubserver init, and brine repo configure with --local; a web server and an rsync daemon serve the published tree.',
    'As your own trust anchor: brine setup makes the data directory, the publication server, the trust anchor and the files for the servers.',
  ]
  const registry = [
    'brine init',
    'brine ca add acme',
    'brine parent request acme --out child-request.xml',
    'brine repo request acme --out publisher-request.xml',
    'brine parent add acme registry --response parent-response.xml',
    'brine repo configure acme --response repository-response.xml',
    'brine parent refresh acme',
    'brine roa add acme "192.0.2.0/24 => 64496"',
  ]
  const commands = visibleCommands(manifest).flatMap((command) =>
    entry(synopsis(usage(command)), `${command.summary ?? ''}; see brine-${firstWord(command)}(1)`),
  )
  const examples = [
    'brine --data-dir sandbox testbed init',
    'brine --data-dir sandbox ca add acme --under testbed --resources 192.0.2.0/24,AS64496',
    'brine --data-dir sandbox roa add acme "192.0.2.0/24 => 64496"',
    'brine --data-dir sandbox tick',
  ]
  return page(manifest, 'brine', description, [
    { title: 'SYNOPSIS', body: ['.PP', `${bold('brine')} ${italic('COMMAND')} [${italic('ARGUMENTS')}]`] },
    { title: 'DESCRIPTION', body: [...about.flatMap(paragraphs), '.SS Commands', ...commands] },
    { title: 'OPTIONS', body: globalOptions(manifest) },
    {
      title: 'EXAMPLES',
      body: [
        ...paragraphs('Under a registry, which answers the two request files with two response files:'),
        ...literal(registry),
        ...paragraphs('A sandbox:'),
        ...literal(examples),
      ],
    },
    { title: 'EXIT STATUS', body: commonExitStatus() },
  ])
}

function topicPage(manifest: Manifest, word: string, commands: readonly ManifestCommand[], about: string): string {
  const single = commands.length === 1
  const title = (command: ManifestCommand): readonly string[] => (single ? [] : [subsection(command)])
  const texts = commands.flatMap((command) => [
    ...title(command),
    ...paragraphs(sentence(command.summary ?? '')),
    ...paragraphs(command.description ?? ''),
    ...argsOf(command).flatMap((arg) => entry(italic(argText(arg)), arg.description ?? '')),
  ])
  const options = commands
    .filter((command) => ownFlags(command).length > 0)
    .flatMap((command) => [...title(command), ...ownFlags(command).flatMap(flagEntry)])
  const exits = commands.flatMap((command) => {
    const own = exitStatusOf(command).map(([code, meaning]) => entry(bold(`${code}`), meaning))
    return own.length === 0 ? [] : [subsection(command), ...own.flat()]
  })
  return page(manifest, `brine-${word}`, about, [
    { title: 'SYNOPSIS', body: commands.flatMap((command) => ['.PP', synopsis(`brine ${usage(command)}`)]) },
    { title: 'DESCRIPTION', body: texts },
    { title: 'OPTIONS', body: [...options, '.SS Options of every command', ...globalOptions(manifest)] },
    { title: 'EXAMPLES', body: commands.flatMap(examplesOf) },
    {
      title: 'EXIT STATUS',
      body: [...exits, ...(exits.length === 0 ? [] : ['.SS Every command']), ...commonExitStatus()],
    },
  ])
}

function page(manifest: Manifest, name: string, about: string, sections: readonly Section[]): string {
  const others = [...new Set(visibleCommands(manifest).map((command) => `brine-${firstWord(command)}`)), 'brine']
  const related = others.filter((other) => other !== name).sort()
  return formatPage({
    name,
    version: manifest.version,
    sections: [
      { title: 'NAME', body: [`${escapeRoff(name)} \\- ${escapeRoff(about)}`] },
      ...sections,
      { title: 'ENVIRONMENT', body: ENVIRONMENT.flatMap(([name, meaning]) => entry(bold(name), meaning)) },
      { title: 'FILES', body: FILES.flatMap(([path, meaning]) => entry(italic(path), meaning)) },
      { title: 'STANDARDS', body: STANDARDS.flatMap(([rfc, title]) => entry(escapeRoff(rfc), title)) },
      {
        title: 'SEE ALSO',
        body: ['.PP', [...related.map((other) => `${bold(other)}(1)`), `${bold('brine.toml')}(5)`].join(', ')],
      },
    ],
  })
}

function subsection(command: ManifestCommand): string {
  return `.SS ${escapeRoff(`brine ${commandWords(command)}`)}`
}

function commonExitStatus(): readonly string[] {
  return EXIT_STATUS.flatMap(([code, meaning]) => entry(bold(`${code}`), meaning))
}

function globalOptions(manifest: Manifest): readonly string[] {
  return [...globalFlagsOf(manifest).flatMap(flagEntry), ...entry(bold('--help'), 'show help for the command')]
}

function flagEntry(flag: ManifestFlag): readonly string[] {
  const value = flagValue(flag)
  const term = `${flag.char === undefined ? '' : `${bold(`-${flag.char}`)}, `}${bold(`--${flag.name}`)}`
  const notes = [
    flag.description ?? '',
    ...(flag.required === true ? ['required'] : []),
    ...(flag.multiple === true ? ['repeatable'] : []),
    ...(flag.dependsOn === undefined ? [] : [`requires ${flag.dependsOn.map((name) => `--${name}`).join(', ')}`]),
    ...(flag.exclusive === undefined
      ? []
      : [`not together with ${flag.exclusive.map((name) => `--${name}`).join(', ')}`]),
    ...(typeof flag.default === 'string' ? [`default ${flag.default}`] : []),
    ...(flag.env === undefined ? [] : [`environment: ${flag.env}`]),
  ]
  const meaning = notes.filter((note) => note !== '').join('; ')
  return entry(value === '' ? term : `${term} ${italic(value)}`, meaning)
}

function examplesOf(command: ManifestCommand): readonly string[] {
  return (command.examples ?? []).flatMap((example) => {
    const text = typeof example === 'string' ? example : example.command
    const lead = typeof example === 'string' ? [] : paragraphs(sentence(example.description))
    return [...lead, ...literal(text.replaceAll('<%= config.bin %>', 'brine').split('\n'))]
  })
}

function sentence(text: string): string {
  return text === '' ? '' : `${text[0]?.toUpperCase()}${text.slice(1)}${/[.:]$/.test(text) ? '' : '.'}`
}
