/**
 * `brine __complete SHELL …`: answers a press of TAB for the scripts of `brine completion`. The first line is `words`, `files` or `folders`,
 * each other line a word, with a tab and its description except for bash.
 * Invariant: it changes nothing, prints no error and ends with 0.
 */
import { type Word, wordsOf } from '../../app/completion/words.js'
import { type Offer, offerFor } from './complete.js'
import { SHELLS } from './scripts.js'
import { bashReply, expandPath, type LastWord, splitLine } from './shell-line.js'
import type { CommandTable } from './table.js'

type Env = Readonly<Record<string, string | undefined>>

/** The line of any shell. */
interface Asked {
  readonly words: readonly string[]
  readonly last: LastWord
}

/** Answers; `root` is the folder of the program. */
export async function runCompletion(table: CommandTable, root: string, argv: readonly string[]): Promise<void> {
  try {
    const text = await answer(table, root, argv, process.env)
    process.stdout.on('error', () => undefined)
    process.stdout.write(text)
  } catch {
    // an error message would be written into the line that is being typed
  }
}

/** Returns the lines for a shell: for bash the line and COMP_WORDBREAKS, for the others the words. */
export async function answer(table: CommandTable, root: string, argv: readonly string[], env: Env): Promise<string> {
  const [shell = '', ...rest] = argv
  const { words, last } = shell === 'bash' ? ofBash(rest) : ofWords(rest, shell)
  const offer = offerFor(table, words, last.value)
  if (offer.source === 'files' || offer.source === 'folders') return `${offer.source}\n`
  const found = await offered(offer, last.value, root, env)
  const lines = found.map(({ word, note }) =>
    shell === 'bash' ? bashReply(word, last) : note === undefined ? word : `${word}\t${note}`,
  )
  return `${['words', ...lines].join('\n')}\n`
}

function ofBash([line = '', breaks = '']: readonly string[]): Asked {
  const { words, last } = splitLine(line, breaks)
  return { words: words.slice(1), last }
}

/** fish passes the last word with its quotes, since it is not finished. */
function ofWords(given: readonly string[], shell: string): Asked {
  const raw = given.at(-1) ?? ''
  const last = { ...splitLine(raw, '').last, start: 0 }
  return { words: given.slice(0, -1), last: shell === 'fish' ? last : { raw, value: raw, quote: '', start: 0 } }
}

/** Returns the words that begin as the last one does, in order. */
async function offered(offer: Offer, last: string, root: string, env: Env): Promise<readonly Word[]> {
  const isFlag = ({ word }: Word) => word.startsWith('-') && offer.prefix === '' && !offer.isAfterFlags
  const all = [...offer.words, ...(await fromSource(offer, root, env)).filter((word) => !isFlag(word))]
  // a ROA in quotes is written with an arrow
  const written = offer.source === 'roas' && last.includes(' ') ? all.map(withArrow) : all
  return written
    .map(({ word, note }) => ({
      word: `${offer.prefix}${word}`,
      ...(note === undefined ? {} : { note: oneLine(note) }),
    }))
    .filter(({ word }) => word.startsWith(last) && !offer.taken.includes(word) && !/\p{Cc}/u.test(word))
    .sort((a, b) => (a.word < b.word ? -1 : 1))
}

function withArrow({ word, ...more }: Word): Word {
  return { ...more, word: word.replace('=AS', ' => ') }
}

function oneLine(note: string): string {
  return note.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ').slice(0, 80)
}

async function fromSource(
  { source, ca, dataDir, configPath }: Offer,
  root: string,
  env: Env,
): Promise<readonly Word[]> {
  if (source === 'none' || source === 'files' || source === 'folders') return []
  if (source === 'shells') return SHELLS.map((word) => ({ word }))
  if (source === 'contribFiles') return (await contribFiles(root)).map((word) => ({ word }))
  const dir = expandPath(dataDir ?? env['BRINE_DATA_DIR'] ?? '', env)
  if (dir === '') return []
  const config = configPath ?? env['BRINE_CONFIG']
  return wordsOf(source, { dataDir: dir, configPath: config === undefined ? undefined : expandPath(config, env), ca })
}

async function contribFiles(root: string): Promise<readonly string[]> {
  const { contribNames } = await import('../../app/operations/contrib.js')
  return contribNames({ contrib: `${root}/contrib`, path: '', node: '' })
}
