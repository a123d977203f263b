/** Renders the HTTPS key and certificate. */
import type { TlsReport } from '../../app/operations/tls.js'
import { plainTable } from '../output/table.js'
import type { Theme } from '../output/theme.js'

export function tlsView(report: TlsReport, theme: Pick<Theme, 'bad'>): string {
  const rows = [
    ['certificate', report.certFile],
    ['key', `${report.keyFile}${report.keyMatches ? ', matches the certificate' : ''}`],
    ['subject', report.subject ?? '-'],
    ['issuer', report.selfSigned ? 'itself' : (report.issuer ?? '-')],
    ['names', report.names.join(' ') || '-'],
    ['valid', report.notAfter === null ? '-' : `${report.notBefore} to ${report.notAfter}`],
    ['SHA-256', report.fingerprint ?? '-'],
  ]
  // the first row takes the place of column headings
  const [first = [], ...rest] = rows
  return [plainTable({ columns: first, rows: rest }), ...report.problems.map((line) => theme.bad(line))].join('\n')
}
