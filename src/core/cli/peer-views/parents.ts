/** Exchanges with parents and repositories elsewhere, their contacts and what parents list, in words. */
import { resourceLine } from '../../app/authority/children.js'
import type { ExchangeRow, PeerContactRow } from '../../app/exchange/client/list-parents.js'
import type { ListedRow } from '../../app/exchange/client/refresh-parent.js'
import type { RefreshAllReport } from '../../app/exchange/client/refresh-parents.js'

/** Returns `T, success` or `T, peer-timeout since T: …`. */
export function exchangeText(exchange: ExchangeRow | null): string {
  if (exchange === null) return 'never'
  const { at, outcome, code, since, message } = exchange
  if (outcome === 'success') return `${at}, success`
  return `${at}, ${code ?? 'failure'} since ${since}${message === null ? '' : `: ${message}`}`
}

const FLAGS = {
  tlsCa: '--tls-ca',
  tlsInsecure: '--tls-insecure',
  acceptStaleCrl: '--accept-stale-crl',
  allowPrivate: '--allow-private',
} as const

/** Returns the lines of the ID keys of both sides and of the permissions, if there are any. */
export function contactLines(contact: PeerContactRow): readonly string[] {
  const { id, peer } = contact
  const permitted = (['tlsCa', 'tlsInsecure', 'acceptStaleCrl', 'allowPrivate'] as const).filter((one) => contact[one])
  return [
    `our ID key    ${id.ski}${id.notAfter === null ? '' : `, until ${id.notAfter}`}`,
    `its ID key    ${peer.ski}, until ${peer.notAfter}`,
    ...(permitted.length === 0 ? [] : [`permissions   ${permitted.map((one) => FLAGS[one]).join(' ')}`]),
  ]
}

/** Returns what a class holds, and its doubt. */
export function classText({ class: name, resources, doubt }: ListedRow): string {
  const holds = resources === null ? 'no certificate yet' : `holds ${resourceLine(resources)}`
  return `class ${name}: ${holds}${doubt === null ? '' : `; ${doubtText(doubt)}`}`
}

function doubtText({ reason, held }: { readonly reason: 'missing' | 'shrunk'; readonly held: boolean }): string {
  const what = reason === 'missing' ? 'no longer listed' : 'listed with less'
  return `${what}: ${held ? 'waits for --accept-loss' : 'a later list must confirm it'}`
}

/** Returns how `parent refresh` ends. `acceptsLoss`: the operator asked for what was lost. */
export function refreshOutcome(
  { parents, failed }: RefreshAllReport,
  acceptsLoss: boolean,
): 'ok' | 'remote' | 'partial' {
  const isBad = parents.some(
    ({ requests, findings }) =>
      findings.length > 0 || requests.some(({ outcome }) => outcome === 'refused' || outcome === 'failed'),
  )
  if (failed.length > 0 || isBad) return 'remote'
  return !acceptsLoss && parents.some(({ lost }) => lost.length > 0) ? 'partial' : 'ok'
}
