/** Rows of a plan for ASPAs: the providers that each adds and drops, and all of them as one command. */
import type { CaCommand } from '../../ca/aggregate.js'
import type { AspaAddition, AspaEdit } from '../../ca/aspas.js'
import { aspaOf, aspaText } from '../../desired-state/aspas.js'
import type { PlanRow } from '../../desired-state/difference.js'
import { sorted } from '../../resources/aspa-payload.js'

export type AspaUpdate = Extract<CaCommand, { readonly type: 'aspas.update' }>

/** Returns the changes of ASPAs as one command. */
export function aspaUpdate(rows: readonly PlanRow[]): AspaUpdate {
  const of = (change: PlanRow['change']): readonly PlanRow[] => rows.filter((row) => row.change === change)
  return {
    type: 'aspas.update',
    add: of('add').map(addition),
    edit: of('update').map(edit),
    remove: of('remove').map(({ name }) => customerOf(name)),
  }
}

function addition({ name, after }: PlanRow): AspaAddition {
  const { payload, comment = null } = aspaOf(name, after ?? '')
  return { payload, comment }
}

function edit(row: PlanRow): AspaEdit {
  const { comment = null } = aspaOf(row.name, row.after ?? '')
  return { customer: customerOf(row.name), add: gained(row), remove: dropped(row), comment }
}

/** Returns the number of a customer `AS64496`. */
export function customerOf(name: string): number {
  return Number(name.slice(2))
}

/** Returns the providers that a row adds. */
export function gained({ name, before, after }: PlanRow): readonly number[] {
  const had = new Set(providersOf(name, before))
  return providersOf(name, after).filter((asn) => !had.has(asn))
}

/** Returns the providers that a row drops. */
export function dropped({ name, before, after }: PlanRow): readonly number[] {
  const has = new Set(providersOf(name, after))
  return providersOf(name, before).filter((asn) => !has.has(asn))
}

function providersOf(name: string, text: string | null): readonly number[] {
  return text === null ? [] : aspaOf(name, text).payload.providers
}

/** Returns the part of an update that only adds providers, if it adds any. AS0 is not listed beside others, so that such an update has no parts. */
export function gainOf(row: PlanRow): readonly PlanRow[] {
  const [before, more] = [providersOf(row.name, row.before), gained(row)]
  if (more.length === 0 || [...before, ...more].includes(0)) return []
  const { comment } = aspaOf(row.name, row.after ?? '')
  return [{ ...row, after: aspaText(sorted([...before, ...more]), comment) }]
}
