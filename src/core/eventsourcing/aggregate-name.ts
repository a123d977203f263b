/** Names of aggregates as users give them: `ca/acme`, or `acme` alone if nothing else has that handle. */
import { AppError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import { quoted } from '../base/text.js'
import { type AggregateId, formatAggregateId, isAggregateName, KINDS, kindWord } from './types.js'

/**
 * Returns the aggregate of the roster that a name means. Throws `aggregate-unknown` (rejected); `aggregate-invalid`, or `aggregate-ambiguous`
 * for a handle that several have (both usage).
 */
export function findAggregate(roster: readonly AggregateId[], text: string): AggregateId {
  const names = roster.map(formatAggregateId)
  const exact = roster[names.indexOf(text)]
  if (exact !== undefined) return exact
  const same = roster.filter(({ handle, kind }) => handle === text || kindWord(kind) === text)
  const [only] = same
  if (only !== undefined && same.length === 1) return only
  if (same.length > 1)
    throw new AppError('usage', 'aggregate-ambiguous', `several aggregates are meant by ${quoted(text)}`, {
      hint: `give one of: ${same.slice(0, 10).map(formatAggregateId).join(', ')}`,
    })
  const near = didYouMean(text, [...names, ...roster.map(({ handle }) => handle)])
  if (isAggregateName(text))
    throw new AppError('rejected', 'aggregate-unknown', `unknown aggregate ${text}${near}`, {
      hint: 'brine audit digest --json lists every aggregate',
    })
  throw new AppError('usage', 'aggregate-invalid', `not the name of an aggregate: ${quoted(text)}${near}`, {
    hint: `names are KIND/HANDLE with a kind of ${KINDS.map(kindWord).join(', ')}: ca/acme, pubserver/0`,
  })
}
