/** ROAs of a command: its arguments and the file of --file, as one set. */
import { joinSets, type RoaSet, roaArguments, roaFile } from '../app/authority/roa-set.js'
import { isReadableFile, readDocument } from '../app/operations/user-files.js'
import { AppError } from '../base/errors.js'
import { quoted } from '../base/text.js'
import { flag } from './flags/flags.js'
import type { Need } from './missing.js'
import { readStdinText } from './stdin.js'

/** Flag of commands that add ROAs. */
export const skipFlag = {
  'skip-not-held': flag.boolean({
    description: 'leave out ROAs whose prefix the CA does not hold, name them, and exit with 3',
  }),
}

/** Flags of commands that add ROAs with dates. */
export const dateFlags = {
  from: flag.instant({
    description: 'make the change at this time (RFC 3339, such as 2026-12-01T00:00:00Z): the first tick after it does',
  }),
  until: flag.end({ description: 'remove the ROAs at this time (RFC 3339); never: without an end' }),
}

/** Exit code of `skipFlag`, for the manual. */
export const SKIPPED_STATUS = { 3: '--skip-not-held: some ROAs were left out, the others are in effect' } as const

/** Flag of commands that take ROAs as arguments too. */
export const roaFileFlag = {
  file: flag.path({ description: 'file of ROAs: lines, CSV or JSON; - reads standard input' }),
}

/** Condition of commands that take ROAs as arguments or from a file. */
export const roaNeeds: readonly Need[] = [
  {
    code: 'argument-missing',
    oneOf: { roa: '', file: '' },
    message: 'no ROA given: name ROAs, or a file with --file',
  },
]

export const ROA_FORMATS =
  'Files: lines "PREFIX-MAXLENGTH => ASN # note"; CSV with the header ASN,IP Prefix,Max Length as Routinator, rpki-client and `brine roa list --csv` write it; JSON {"roas":[{"asn","prefix","maxLength"}]}.'

/** Returns the ROAs to add or to remove. `roaNeeds` has refused a command line with neither. */
export async function roaInput(verb: 'add' | 'remove', texts: readonly string[], file?: string): Promise<RoaSet> {
  refuseFiles(texts)
  const given = roaArguments({ [verb]: texts })
  if (file !== undefined) return joinSets(given, roaFile(await textOf(file), verb))
  return given
}

/** Throws `roa-is-file` (usage) for an argument that is the name of a file, which --file reads. */
export function refuseFiles(texts: readonly string[]): void {
  const file = texts.find((text) => !text.includes('=') && isReadableFile(text))
  if (file === undefined) return
  throw new AppError('usage', 'roa-is-file', `${quoted(file)} is a file and not a ROA`, {
    hint: `to read ROAs from it: --file ${file}`,
  })
}

/** Returns the text of a file, or of standard input for `-`. */
export async function textOf(file: string): Promise<string> {
  return file === '-' ? readStdinText() : readDocument(file)
}
