/** The answer of `brine why` in one sentence with its code and the next command. Pure. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { formatPrefix } from '../../resources/prefix.js'
import type { RoaPayload } from '../../resources/types.js'
import type { Chain } from './chain.js'
import type { StoryStep, StoryWord } from './story.js'

export interface Answer {
  /**
   * `published`; published but of no use: `ca-suspended`, `chain-broken`, `unconfirmed`; configured: `resource-lost`, `not-held`, `not-issued`;
   * not configured yet: `scheduled`; neither: `removed`, `ca-removed`, `never`, `outside`.
   */
  readonly code: AnswerCode
  readonly message: string
  readonly hint: string | null
}

export type AnswerCode =
  | 'published'
  | 'ca-suspended'
  | 'chain-broken'
  | 'unconfirmed'
  | 'resource-lost'
  | 'not-held'
  | 'not-issued'
  | 'scheduled'
  | 'removed'
  | 'ca-removed'
  | 'never'
  | 'outside'

/** Returns the answer for an object that a CA publishes. */
export function presentAnswer(ca: Handle, { end, broken }: Chain, isUnconfirmed: boolean, until?: Instant): Answer {
  if (end === 'broken' && broken?.suspendedSince !== undefined) {
    const { ca: child, parent, suspendedSince } = broken
    return {
      code: 'ca-suspended',
      message: `${ca} publishes it, but ${child === ca ? 'it' : child} is suspended by ${parent} since ${suspendedSince}: no certificate leads to it`,
      hint: `brine child unsuspend ${parent} ${child}`,
    }
  }
  if (end === 'broken') {
    const message = `${ca} has it, but ${broken?.parent} does not publish the certificate of ${broken?.ca}`
    return { code: 'chain-broken', message, hint: 'brine tick' }
  }
  if (isUnconfirmed) {
    const message = `${ca} has issued it, and its repository elsewhere has not confirmed all of its objects`
    return { code: 'unconfirmed', message, hint: `brine repo sync ${ca}` }
  }
  const limit = until === undefined ? '' : `, until ${until}`
  return { code: 'published', message: `published by ${ca}${limit}`, hint: null }
}

export interface AbsenceFacts {
  readonly vrp: string
  readonly configured: { readonly ca: Handle; readonly isHeld: boolean } | null
  /** The CA to which it is added later; absent if there is none. */
  readonly scheduled?: { readonly ca: Handle; readonly dates: string; readonly isDue: boolean }
  /** CAs that hold the prefix. */
  readonly holders: readonly Handle[]
  /** Other configured ROAs that cover the prefix, or are of the same AS below it. */
  readonly near: readonly string[]
}

/** Returns why there is no object. */
export function absentAnswer(facts: AbsenceFacts, story: readonly StoryStep[], { prefix }: RoaPayload): Answer {
  const { configured, holders, near, vrp } = facts
  const did = (...words: readonly StoryWord[]): StoryStep | undefined =>
    story.findLast(({ what }) => what.some((word) => words.includes(word)))
  if (configured !== null) return configuredAnswer(configured, did('lost'), formatPrefix(prefix))
  if (facts.scheduled !== undefined) return scheduledAnswer(facts.scheduled)
  const removed = did('removed', 'ca-removed')
  if (removed !== undefined) {
    const isCa = removed.what.includes('ca-removed')
    const subject = isCa ? `CA ${removed.ca} was removed` : `removed from ${removed.ca}`
    return {
      code: isCa ? 'ca-removed' : 'removed',
      message: `${subject} by seq ${removed.sequence} (${removed.type}) at ${removed.at}, by ${removed.actor}${reasonText(removed)}`,
      hint: `brine history show ca/${removed.ca} ${removed.sequence}`,
    }
  }
  const others =
    near.length === 0 ? '' : `; there is ${near.slice(0, 3).join(', ')}${near.length > 3 ? ' and more' : ''}`
  const [holder] = holders
  if (holder === undefined)
    return {
      code: 'outside',
      message: `no CA here ever had it, and none holds ${formatPrefix(prefix)}${others}`,
      hint: 'brine ca list shows what the CAs hold',
    }
  return {
    code: 'never',
    message: `no CA here ever had it; ${holders.slice(0, 3).join(', ')} could${others}`,
    hint: `brine roa add ${holder} "${vrp}"`,
  }
}

function scheduledAnswer({ ca, dates, isDue }: NonNullable<AbsenceFacts['scheduled']>): Answer {
  const message = `not in effect yet: ${ca} has it ${dates}${isDue ? ', and no tick has added it' : ''}`
  return { code: 'scheduled', message, hint: isDue ? 'brine tick' : `brine roa list ${ca}` }
}

function configuredAnswer(
  { ca, isHeld }: NonNullable<AbsenceFacts['configured']>,
  lost: StoryStep | undefined,
  prefix: string,
): Answer {
  const hint = `brine ca show ${ca}`
  if (isHeld) return { code: 'not-issued', message: `configured in ${ca}, and not issued yet`, hint: 'brine tick' }
  if (lost === undefined)
    return { code: 'not-held', message: `configured in ${ca}, which does not hold ${prefix}`, hint }
  const by = `seq ${lost.sequence} (${lost.type}) at ${lost.at}, by ${lost.actor}${reasonText(lost)}`
  return { code: 'resource-lost', message: `configured in ${ca}, which lost ${prefix} by ${by}`, hint }
}

function reasonText({ reason }: StoryStep): string {
  return reason === null ? '' : `: ${reason}`
}
