/** The commands as shell completion needs them: a small part of oclif.manifest.json, which the build puts into the program. */
import type { WordSource } from '../../app/completion/words.js'

/** Kind of words at a place of the line. */
export type Source = WordSource | 'files' | 'folders' | 'contribFiles' | 'shells' | 'none'

export interface TableArg {
  readonly name: string
  readonly multiple?: boolean
  readonly options?: readonly string[]
}

export interface TableFlag {
  readonly name: string
  readonly note: string
  readonly isOption: boolean
  readonly multiple?: boolean
  readonly options?: readonly string[]
  readonly helpValue?: string
}

export interface TableCommand {
  readonly summary: string
  readonly args: readonly TableArg[]
  readonly flags: readonly TableFlag[]
}

/** Commands by id, words separated by colons, and the descriptions of the topics. */
export interface CommandTable {
  readonly commands: Readonly<Record<string, TableCommand>>
  readonly topics: Readonly<Record<string, string>>
}

/** Sources of arguments by their names. */
const BY_NAME: Readonly<Record<string, Source>> = {
  ca: 'cas',
  child: 'children',
  parent: 'parents',
  publisher: 'publishers',
  label: 'labels',
  aggregate: 'aggregates',
  key: 'idKeys',
  file: 'files',
  source: 'files',
  export: 'files',
  target: 'files',
  folder: 'folders',
}

/** Sources of arguments and flags that have another meaning in some commands; the first pattern that matches counts. */
const EXCEPTIONS: readonly (readonly [place: RegExp, source: Source])[] = [
  [/^ca:add ca$|^pubserver:publisher:add publisher$/, 'none'],
  [/^child:.* ca$|^ca:add --under$|^parent:add parent$/, 'issuers'],
  [/^child:add child$/, 'cas'],
  [/^(?:est:crl|ha:\w+) ca$/, 'caIds'],
  [/^roa:(?:remove|replace) roa$/, 'roas'],
  [/^aspa:(?:remove|update) customer$/, 'aspas'],
  [/^router:(?:remove|roll) router$/, 'routers'],
  [/^pubserver:id:\w+ key$/, 'serverKeys'],
  [/^pubserver:probe name$/, 'servers'],
  [/^contrib name$/, 'contribFiles'],
  [/^completion shell$/, 'shells'],
]

/** Sources of flags by the placeholder of their value. */
const BY_PLACEHOLDER: Readonly<Record<string, Source>> = {
  FILE: 'files',
  SOCKET: 'files',
  'BACKUP-or-DIR': 'files',
  DIR: 'folders',
  'CA-ID': 'caIds',
  CA: 'cas',
  LABEL: 'labels',
  GROUP: 'groups',
  CHILD: 'children',
  PARENT: 'parents',
  PUBLISHER: 'publishers',
}

/** Returns what an argument may be. */
export function sourceOfArg(command: string, name: string): Source {
  return exception(`${command} ${name}`) ?? BY_NAME[name] ?? 'none'
}

/** Returns what the value of a flag may be. */
export function sourceOfFlag(command: string, { name, helpValue = '' }: TableFlag): Source {
  return exception(`${command} --${name}`) ?? BY_PLACEHOLDER[helpValue] ?? 'none'
}

function exception(place: string): Source | undefined {
  return EXCEPTIONS.find(([pattern]) => pattern.test(place))?.[1]
}
