/** `brine est cert show`: shows one certificate, its requester and its issuer. */

import { type CertificateRow, findCertificate } from '../../../core/app/enrolment/certificates.js'
import { certificatesPem } from '../../../core/app/enrolment/documents.js'
import { writeDocument } from '../../../core/app/operations/user-files.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'

interface CertificateReport extends CertificateRow {
  readonly pem: string
  readonly out: string | null
}

export default class EstCertShow extends BaseCommand<CertificateReport> {
  static override summary = 'show one certificate: its requester, the CA that issued it, and its PEM text'
  static override examples = ['<%= config.bin %> est cert show 5f3a9d --out device.pem']
  static override args = {
    name: arg.text({ required: true, description: 'the request id or the serial of the certificate' }),
  }
  static override flags = { out: flag.path({ description: 'write the certificate to a new file, PEM' }) }

  protected override async execute(): Promise<CertificateReport> {
    const { args, flags } = await this.parse(EstCertShow)
    const { row, der } = await findCertificate(await openSession(this.context(flags)), args.name)
    const pem = certificatesPem([der])
    if (flags.out !== undefined) writeDocument(flags.out, pem)
    return { ...row, pem, out: flags.out ?? null }
  }

  protected override view(report: CertificateReport, theme: Theme): string {
    const { by, revoked, out } = report
    const rows: [string, string][] = [
      ['id', report.id],
      ['label', report.label],
      ['issued by', report.ca],
      ['serial', report.serial],
      ['subject', report.subject],
      ['names', report.names.join(' ')],
      ['requested by', `${by.name} (${by.how})`],
      ['issued at', report.at],
      ['valid', `${report.notBefore} to ${report.notAfter}`],
      ['renews', report.renews ?? ''],
      ['not handed out', report.refused ?? ''],
      ['state', revoked === null ? report.state : `revoked at ${revoked.at}: ${revoked.reason}`],
    ]
    const table = theme.table({
      columns: ['FIELD', { title: 'VALUE', rank: 'whole' }],
      rows: rows.filter(([, value]) => value !== ''),
    })
    return `${table}\n${out === null ? report.pem.trimEnd() : `written to ${out}`}`
  }
}
