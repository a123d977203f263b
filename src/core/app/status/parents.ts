/** Findings of `status` about what parents elsewhere certify: places, contradictions, ROAs and ASPAs that no certificate holds. Pure reads. */
import type { Handle } from '../../base/handle.js'
import { configuredAspas } from '../../ca/aspas.js'
import { isAspaHeld } from '../../ca/products/aspa-objects.js'
import { isHeld } from '../../ca/products/roa-index.js'
import { heldSets } from '../../ca/roas.js'
import type { CaState } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import { formatAsn } from '../../resources/asn.js'
import type { RemoteParentRow } from '../exchange/client/due-parents.js'
import { currentPlaceFault, isFinding } from '../exchange/parent/parent-findings.js'
import { list, type StatusFinding, warning } from './finding.js'

/** Returns the findings of the parents of each CA. */
export function parentFindings(rows: readonly RemoteParentRow[], work: Pick<Work, 'object'>): readonly StatusFinding[] {
  const cas = new Map<Handle, CaState>(rows.map(({ ca, state }) => [ca, state]))
  return [
    ...rows.flatMap((row) => {
      const places = placeFindings(row, work)
      // what the certificate says by itself is reported once
      return [...exchangeFindings(row).filter(({ code }) => !places.some((one) => one.code === code)), ...places]
    }),
    ...[...cas.values()].flatMap(notHeldFindings),
  ]
}

/** Returns what the last exchange, which was complete, found. */
function exchangeFindings({ ca, parent, exchange }: RemoteParentRow): readonly StatusFinding[] {
  if (exchange === undefined || !isFinding(exchange)) return []
  const { code = '', message = '' } = exchange
  return [warning(code, `parent ${parent} of ${ca}: ${message}`, `brine parent show ${ca} ${parent}`)]
}

function placeFindings(
  { ca, parent, state }: RemoteParentRow,
  { object }: Pick<Work, 'object'>,
): readonly StatusFinding[] {
  return Object.values(state.classes).flatMap((own): readonly StatusFinding[] => {
    const fault = own.parent === parent ? currentPlaceFault(state, own, object) : undefined
    if (fault === undefined) return []
    const effect = fault.isUnusable
      ? ': relying parties do not find what the CA publishes'
      : ': relying parties use rsync'
    const message = `the certificate of class ${own.name} of ${ca} from parent ${parent} ${fault.text}${effect}`
    const level = fault.isUnusable ? 'critical' : 'warning'
    return [{ level, code: 'certificate-places', message, hint: `brine parent refresh ${ca} ${parent}` }]
  })
}

function notHeldFindings(state: CaState): readonly StatusFinding[] {
  const held = heldSets(state)
  const roas = Object.keys(state.roas).filter((text) => {
    const config = state.roas[text]
    return config !== undefined && !held.some((set) => isHeld(config, set))
  })
  const aspas = configuredAspas(state).filter((config) => !held.some((set) => isAspaHeld(config, set)))
  return [
    ...notHeld(state.handle, 'ROA', 'the prefix', roas.sort()),
    ...notHeld(
      state.handle,
      'ASPA',
      'the customer AS',
      aspas.map(({ customer }) => formatAsn(customer)),
    ),
  ]
}

function notHeld(ca: Handle, kind: 'ROA' | 'ASPA', what: string, names: readonly string[]): readonly StatusFinding[] {
  if (names.length === 0) return []
  const some = names.length === 1 ? `1 ${kind} is` : `${names.length} ${kind}s are`
  const message = `${some} not published, as no certificate of ${ca} holds ${what}: ${list(names)}`
  const word = kind.toLowerCase()
  return [warning(`${word}s-not-held`, message, `brine ${word} list ${ca}`)]
}
