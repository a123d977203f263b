/** `brine est cert list`: lists issued certificates. */
import { type CertificateRow, listCertificates } from '../../../core/app/enrolment/certificates.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { flag } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'

interface CertificateList {
  readonly certificates: readonly CertificateRow[]
}

export default class EstCertList extends BaseCommand<CertificateList> {
  static override summary = 'list issued certificates, soonest expiry first'
  static override description = 'Certificates that expired more than 30 days ago are shown only by brine history list.'
  static override examples = [
    '<%= config.bin %> est cert list --label device --expiring 30d',
    '<%= config.bin %> est cert list --ca old-ca --json',
  ]
  static override flags = {
    label: flag.text({ helpValue: 'LABEL', description: 'only of this label' }),
    ca: flag.text({ helpValue: 'CA-ID', description: 'only issued by this CA' }),
    expiring: flag.duration({ description: 'only valid ones that expire within this time' }),
  }

  protected override async execute(): Promise<CertificateList> {
    const { flags } = await this.parse(EstCertList)
    const filter = { label: flags.label, ca: flags.ca, within: flags.expiring }
    return { certificates: await listCertificates(await openSession(this.context(flags)), filter) }
  }

  protected override view({ certificates }: CertificateList, theme: Theme): string {
    if (certificates.length === 0) return 'no certificates'
    return theme.table({
      columns: [
        { title: 'ID', rank: 3 },
        'LABEL',
        'CA',
        { title: 'SERIAL', rank: 1, cut: 'middle' },
        'SUBJECT',
        { title: 'NOT AFTER', rank: 3, cut: 'time' },
        { title: 'STATE', rank: 3 },
      ],
      rows: certificates.map((one) => [
        one.id,
        one.label,
        one.ca,
        one.serial,
        one.subject === '' ? one.names.join(' ') : one.subject,
        one.notAfter,
        stateText(one, theme),
      ]),
    })
  }
}

function stateText({ state, revoked }: CertificateRow, theme: Theme): string {
  if (state === 'revoked') return theme.bad(`revoked: ${revoked?.reason ?? ''}`)
  if (state === 'refused') return theme.bad('refused, not revoked')
  return state === 'valid' ? theme.good(state) : theme.dim(state)
}
