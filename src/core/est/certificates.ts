/** Issued certificates: their records in books, their revocation, and the numbers of the CRLs that list it. */
import { entry } from '../base/record.js'
import type { Instant } from '../base/time.js'
import { commandsOn } from '../eventsourcing/declare.js'
import type { EstEvent } from './events.js'
import { COMPROMISE } from './issuers.js'
import type { EstPorts } from './ports.js'
import type { EstState, IssuedCertificate } from './state.js'

interface NewCertificate {
  readonly id: string
  readonly certificate: Omit<IssuedCertificate, 'at' | 'revoked'>
}

const command = commandsOn<EstState, EstEvent, EstPorts>()

export const certificateCommands = {
  /** Records a certificate in a book, in the commit that serves the request. */
  'certificate.record': command<NewCertificate>({
    check: ({ certificates }, { id }) =>
      entry(certificates, id) === undefined
        ? []
        : [{ code: 'est-request-served', message: `request ${id} already has a certificate` }],
    decide: (_, { id, certificate }, { clock }) => [
      { type: 'certificate.issued', id, ...certificate, at: clock.now() },
    ],
    publishesOnly: false,
    summarize: ({ id, certificate: { label, ca, serial, refused } }) => {
      return { id, label, ca, serial, ...(refused !== undefined && { refused }) }
    },
  }),
  /** Revokes a certificate once; a compromise of its key may become known later. */
  'certificate.revoke': command<{ readonly id: string; readonly reason: string }>({
    check: ({ certificates }, { id }) =>
      entry(certificates, id) === undefined
        ? [{ code: 'est-certificate-unknown', message: `there is no certificate ${id}` }]
        : [],
    decide: ({ certificates }, { id, reason }, { clock }) => {
      const before = entry(certificates, id)?.revoked
      const isNew = before === null || (before?.reason !== COMPROMISE && reason === COMPROMISE)
      return isNew ? [{ type: 'certificate.revoked', id, reason, at: clock.now() }] : []
    },
    publishesOnly: false,
    summarize: ({ id, reason }) => ({ id, reason }),
  }),
  /** Takes the next CRL number, `least` or above: CRLs may have been signed that this history does not know. */
  'crl.number': command<{ readonly ca: string; readonly least: number }>({
    check: () => [],
    decide: ({ crls }, { ca, least }, { clock }) => [
      { type: 'crl.numbered', ca, number: Math.max((entry(crls, ca) ?? 0) + 1, least), at: clock.now() },
    ],
    publishesOnly: false,
    summarize: ({ ca, least }) => ({ ca, least }),
  }),
  /** Records that the CRL of a number was signed, unless a newer one was. */
  'crl.record': command<{ readonly ca: string; readonly number: number; readonly nextUpdate: Instant }>({
    check: ({ crls }, { ca, number }) =>
      number <= (entry(crls, ca) ?? 0)
        ? []
        : [{ code: 'est-crl-unknown', message: `CRL number ${number} of ${ca} is not taken` }],
    decide: ({ signedCrls = {} }, { ca, number, nextUpdate }, { clock }) =>
      number <= (entry(signedCrls, ca)?.number ?? 0)
        ? []
        : [{ type: 'crl.numbered', ca, number, at: clock.now(), nextUpdate }],
    publishesOnly: false,
    summarize: ({ ca, number, nextUpdate }) => ({ ca, number, nextUpdate }),
  }),
}
