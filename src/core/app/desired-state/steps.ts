/**
 * Order of a plan: one step, which becomes one commit, for each CA, parents before children.
 * Invariant: what a CA loses while another one of the plan gains it is taken in a later step, children before parents; so no address is without its
 * ROA, and no provider out of the ASPAs of an AS, in between.
 */
import type { Handle } from '../../base/handle.js'
import { type CaPlan, changesOf, type PlanRow } from '../../desired-state/difference.js'
import type { DesiredState } from '../../desired-state/state.js'
import { prefixRange } from '../../resources/prefix.js'
import {
  difference,
  formatResources,
  intersection,
  isEmpty,
  parseResources,
  resourceSet,
  union,
} from '../../resources/resource-set.js'
import { fromRoaKey } from '../../resources/roa-payload.js'
import type { IpRange, ResourceSet } from '../../resources/types.js'
import { customerOf, dropped, gained, gainOf } from './aspa-changes.js'
import { asnOfRouter } from './router-changes.js'

export interface Step {
  readonly ca: Handle
  readonly rows: readonly PlanRow[]
  /** True for the second step of a CA. */
  readonly isLater: boolean
}

/** Returns the steps of a plan, in their order. */
export function stepsOf(plan: readonly CaPlan[], wanted: DesiredState): readonly Step[] {
  const changing = plan.map(({ ca, rows }) => ({ ca, rows: changesOf({ rows }) })).filter(({ rows }) => rows.length > 0)
  const depth = depthsOf(wanted)
  const byDepth = [...changing].sort((a, b) => depth(a.ca) - depth(b.ca))
  const isLater = laterRows(changing)
  const now = (ca: Handle, row: PlanRow): readonly PlanRow[] => (isLater(ca, row) ? gainPart(row) : [row])
  const first = byDepth.map(({ ca, rows }) => ({ ca, rows: rows.flatMap((row) => now(ca, row)), isLater: false }))
  const later = byDepth
    .reverse()
    .map(({ ca, rows }) => ({ ca, rows: rows.filter((row) => isLater(ca, row)), isLater: true }))
  return [...first, ...later].filter(({ rows }) => rows.length > 0)
}

/** Returns the function that counts the parents above a CA in the file. */
function depthsOf({ cas }: DesiredState): (ca: Handle) => number {
  const known = new Map<string, number>()
  const depth = (ca: Handle): number => {
    const found = known.get(ca)
    if (found !== undefined) return found
    // a circle ends here; the reader of the file refuses it
    known.set(ca, 0)
    const parents = [...(cas.get(ca)?.parents?.keys() ?? [])].filter((name) => cas.has(name as Handle)) as Handle[]
    const own = parents.reduce((most, parent) => Math.max(most, depth(parent) + 1), 0)
    known.set(ca, own)
    return own
  }
  return depth
}

/** Returns the function that tells which rows wait until the other CAs have what they gain. */
function laterRows(changing: readonly CaPlan[]): (ca: Handle, row: PlanRow) => boolean {
  const losing = changing.filter(({ rows }) => rows.some((row) => row.item !== 'ca' && loses(row)))
  if (changing.length < 2 || losing.length === 0) return () => false
  const gains = new Map(changing.map(({ ca, rows }) => [ca, gainsOf(rows)] as const))
  const elsewhere = new Map(
    losing.map(({ ca }) => {
      const others = [...gains].flatMap(([other, gain]) => (other === ca ? [] : [gain]))
      return [ca, others.reduce((all, gain) => union(all, gain))] as const
    }),
  )
  return (ca, row) => {
    const gained = elsewhere.get(ca)
    return gained !== undefined && loses(row) && !isEmpty(intersection(lossOf(row), gained))
  }
}

/** Returns the part of a row that only gives, if it gives anything. */
function gainPart(row: PlanRow): readonly PlanRow[] {
  if (row.change !== 'update' || row.item === 'roa' || row.item === 'router') return []
  if (row.item === 'aspa') return gainOf(row)
  const [before, after] = [resources(row.before), resources(row.after)]
  return isEmpty(difference(after, before)) ? [] : [{ ...row, after: formatResources(union(before, after)) }]
}

function loses(row: PlanRow): boolean {
  return (
    row.change === 'remove' ||
    (row.change === 'update' && row.item !== 'roa' && row.item !== 'router' && !isEmpty(lossOf(row)))
  )
}

/** Returns the resources that a row takes: of a ROA its prefix, of an ASPA that drops providers its customer, of a router key its AS. */
function lossOf(row: PlanRow): ResourceSet {
  const { item, name, before, after } = row
  if (item === 'router') return asnsOf([asnOfRouter(name)])
  if (item === 'aspa') return dropped(row).length > 0 ? asnsOf([customerOf(name)]) : asnsOf([])
  return item === 'roa' ? prefixesOf([name]) : difference(resources(before), resources(after))
}

function gainsOf(rows: readonly PlanRow[]): ResourceSet {
  const roas = rows.filter(({ item, change }) => item === 'roa' && change === 'add').map(({ name }) => name)
  const aspas = rows.filter((row) => row.item === 'aspa' && gained(row).length > 0).map(({ name }) => name)
  const routers = rows.filter(({ item, change }) => item === 'router' && change === 'add').map(({ name }) => name)
  const shares = rows.filter(({ item, change }) => (item === 'parent' || item === 'child') && change !== 'remove')
  return shares.reduce(
    (all, { before, after }) => union(all, difference(resources(after), resources(before))),
    union(prefixesOf(roas), asnsOf([...aspas.map(customerOf), ...routers.map(asnOfRouter)])),
  )
}

function asnsOf(numbers: readonly number[]): ResourceSet {
  const asn = numbers.map((number) => ({ min: number, max: number }))
  return resourceSet({ asn, ipv4: [], ipv6: [] })
}

function prefixesOf(roas: readonly string[]): ResourceSet {
  const [ipv4, ipv6]: [IpRange[], IpRange[]] = [[], []]
  for (const { prefix } of roas.map(fromRoaKey)) (prefix.family === 4 ? ipv4 : ipv6).push(prefixRange(prefix))
  return resourceSet({ asn: [], ipv4, ipv6 })
}

function resources(text: string | null): ResourceSet {
  return parseResources(text ?? 'none')
}
