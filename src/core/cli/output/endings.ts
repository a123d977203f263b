/** The final line of every change: what changed, its sequence, whether it is published, when the next manifest is due. */
import { type Instant, secondsBetween } from '../../base/time.js'

export interface Ending {
  /** `acme`, or with its kind (`ta/ta`) for anything other than a CA. */
  readonly subject: string
  /** Undefined if nothing was recorded: a no-op or a dry run. */
  readonly sequence?: number | undefined
  /** `+10 ROAs`; empty for a no-op. */
  readonly changes: readonly string[]
  /** The RRDP serial, that a repository elsewhere has it, or why it is not published yet; undefined if there is nothing to publish. */
  readonly publication?:
    | { readonly serial: number }
    | { readonly confirmed: true }
    | { readonly pending: string }
    | undefined
  /** When the next manifest is due: nextUpdate minus the margin. */
  readonly nextManifest?: Instant | undefined
  readonly dryRun?: boolean | undefined
  /** The current time: times more than a day away are shown with their date. */
  readonly now?: Instant | undefined
}

/** Returns `acme seq 7: +10 ROAs; published, serial 812; next manifest 14:02Z`. */
export function endingLine(ending: Ending): string {
  const { subject, sequence, changes, publication, nextManifest, now } = ending
  if (changes.length === 0) return `${subject}: nothing to do`
  if (ending.dryRun === true) return `${subject}: ${changes.join(', ')}; dry run, nothing changed`
  const head = `${subject}${sequence === undefined ? '' : ` seq ${sequence}`}: ${changes.join(', ')}`
  const parts = [head]
  if (publication !== undefined) parts.push(publicationText(publication))
  if (nextManifest !== undefined) parts.push(`next manifest ${clockTime(nextManifest, now)}`)
  return parts.join('; ')
}

function publicationText(publication: NonNullable<Ending['publication']>): string {
  if ('confirmed' in publication) return 'published: the repository has confirmed it'
  return 'serial' in publication
    ? `published, serial ${publication.serial}`
    : `not published yet: ${publication.pending}`
}

/** Returns `14:02Z`, with the date if the time is a day or more from `now`. */
export function clockTime(at: Instant, now?: Instant): string {
  const far = now !== undefined && Math.abs(secondsBetween(now, at)) >= 86400
  return far ? `${at.slice(0, 10)} ${at.slice(11, 16)}Z` : `${at.slice(11, 16)}Z`
}

/** Returns `10 ROAs`, `1 ROA`, or `+10 ROAs` with a sign. */
export function counted(n: number, one: string, many: string = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

/** Returns the parts that are not zero, such as `+10 ROAs`, `-1 ROA`. */
export function delta(added: number, removed: number, one: string, many?: string): readonly string[] {
  const parts: string[] = []
  if (added > 0) parts.push(`+${counted(added, one, many)}`)
  if (removed > 0) parts.push(`-${counted(removed, one, many)}`)
  return parts
}
