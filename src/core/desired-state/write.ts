/** Writes desired state as TOML or JSON. Invariant: the same state has the same text, and `readState` returns the state for it. */

import { formatPrefix } from '../resources/prefix.js'
import { fromRoaKey } from '../resources/roa-payload.js'
import { aspaOf, sortedCustomers } from './aspas.js'
import { routerOfText, sortedRouters } from './routers.js'
import { type DesiredCa, type DesiredState, FORMAT, sortedCas, sortedRoas, sortedShares } from './state.js'

const HEADING = [
  '# Desired state of certificate authorities: brine export writes it, brine plan compares it, brine apply puts it into effect.',
  '# A CA that is not named here is left alone, and so is a list that is absent. What a list does not have is kept, unless --prune is given.',
  '# parents: CAs (or the trust anchor) of the same data directory, and what each gives to this CA. children: children elsewhere.',
  '# roas: "PREFIX-MAXLENGTH => ASN # comment". aspas: "CUSTOMER => PROVIDER, PROVIDER # comment".',
  '# routers: { asn, request: base64 of the certification request (PKCS#10), routerId, comment }.',
]

/** Returns the state as commented TOML, one entry a line. */
export function formatStateToml(state: DesiredState): string {
  const blocks = sortedCas(state).map((ca) => caLines(ca).join('\n'))
  return `${[HEADING.join('\n'), `format = ${FORMAT}`, ...blocks].join('\n\n')}\n`
}

function caLines({ handle, parents, children, roas, aspas, routers }: DesiredCa): readonly string[] {
  return [
    '[[ca]]',
    `handle = ${tomlString(handle)}`,
    ...(parents === undefined ? [] : tomlList('parents', sortedShares(parents).map(tomlShare))),
    ...(children === undefined ? [] : tomlList('children', sortedShares(children).map(tomlShare))),
    ...(roas === undefined
      ? []
      : tomlList(
          'roas',
          sortedRoas(roas.keys()).map((text) => tomlRoa(text, roas.get(text))),
        )),
    ...(aspas === undefined
      ? []
      : tomlList(
          'aspas',
          sortedCustomers(aspas.keys()).map((customer) => tomlString(`${customer} => ${aspas.get(customer)}`)),
        )),
    ...(routers === undefined
      ? []
      : tomlList(
          'routers',
          sortedRouters(routers.keys()).map((name) => tomlTable(routerRow(name, routers.get(name) ?? ''))),
        )),
  ]
}

function tomlList(key: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [`${key} = []`] : [`${key} = [`, ...items.map((item) => `  ${item},`), ']']
}

function tomlShare([handle, resources]: readonly [string, string]): string {
  return `{ handle = ${tomlString(handle)}, resources = ${tomlString(resources)} }`
}

function tomlRoa(text: string, comment: string | null | undefined): string {
  return tomlString(comment === null || comment === undefined ? text : `${text} # ${comment}`)
}

/** Returns a basic string. TOML has the escapes of JSON; DEL, which JSON does not escape, is in no handle, resource or comment. */
function tomlString(text: string): string {
  return JSON.stringify(text)
}

function tomlTable(row: Readonly<Record<string, string | number>>): string {
  const member = ([key, value]: readonly [string, string | number]): string =>
    `${key} = ${typeof value === 'number' ? value : tomlString(value)}`
  return `{ ${Object.entries(row).map(member).join(', ')} }`
}

interface ShareRow {
  readonly handle: string
  readonly resources: string
}

interface RouterRow extends Readonly<Record<string, string | number>> {
  readonly asn: number
  readonly request: string
}

/** Desired state as an object for JSON. */
export interface StateDocument {
  readonly format: number
  readonly cas: readonly {
    readonly handle: string
    readonly parents?: readonly ShareRow[]
    readonly children?: readonly ShareRow[]
    readonly roas?: readonly {
      readonly prefix: string
      readonly maxLength: number
      readonly asn: number
      readonly comment?: string
    }[]
    readonly aspas?: readonly {
      readonly customer: number
      readonly providers: readonly number[]
      readonly comment?: string
    }[]
    readonly routers?: readonly RouterRow[]
  }[]
}

/** Returns the state as an object for JSON, with ROAs, ASPAs and router keys as rows. */
export function stateDocument(state: DesiredState): StateDocument {
  return {
    format: FORMAT,
    cas: sortedCas(state).map(({ handle, parents, children, roas, aspas, routers }) => ({
      handle,
      ...(parents === undefined ? {} : { parents: sortedShares(parents).map(shareRow) }),
      ...(children === undefined ? {} : { children: sortedShares(children).map(shareRow) }),
      ...(roas === undefined ? {} : { roas: sortedRoas(roas.keys()).map((text) => roaRow(text, roas.get(text))) }),
      ...(aspas === undefined
        ? {}
        : { aspas: sortedCustomers(aspas.keys()).map((customer) => aspaRow(customer, aspas.get(customer) ?? '')) }),
      ...(routers === undefined
        ? {}
        : { routers: sortedRouters(routers.keys()).map((name) => routerRow(name, routers.get(name) ?? '')) }),
    })),
  }
}

function shareRow([handle, resources]: readonly [string, string]): ShareRow {
  return { handle, resources }
}

function aspaRow(customer: string, text: string) {
  const { payload, comment } = aspaOf(customer, text)
  return comment === undefined ? payload : { ...payload, comment }
}

function routerRow(name: string, text: string): RouterRow {
  const { asn, request, routerId, comment } = routerOfText(name, text)
  return { asn, request, ...(routerId === null ? {} : { routerId }), ...(comment === null ? {} : { comment }) }
}

function roaRow(text: string, comment: string | null | undefined) {
  const { prefix, maxLength, asn } = fromRoaKey(text)
  const row = { prefix: formatPrefix(prefix), maxLength, asn }
  return comment === null || comment === undefined ? row : { ...row, comment }
}
