/** `brine est renew`: renews a certificate that is still valid. */

import { type EnrolledDocument, readCertificateFile } from '../../core/app/enrolment/documents.js'
import type { EnrolmentPlan } from '../../core/app/enrolment/enrolment-run.js'
import { assertNotExists } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { readRequestFile, request, requestFlags } from '../../core/cli/flags/enrolment.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { enrolledView } from '../../core/cli/views/enrolled.js'

export default class EstRenew extends BaseCommand<EnrolledDocument | EnrolmentPlan> {
  static override summary = 'renew a certificate: same names, same or new key'
  static override description =
    'The certificate must be issued by a CA of the label, valid and not revoked, and the request must have its subject and names (RFC 7030 section 4.2.2).'
  static override exitStatus = {
    1: 'the request is refused',
    16: 'no CA can serve',
    17: 'the request waits for approval at the CA',
    18: 'it is unknown whether the CA issued',
  }
  static override examples = ['<%= config.bin %> est renew device --csr new.csr --cert device.pem --out device-new.pem']
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }
  static override flags = {
    ...requestFlags,
    cert: flag.path({ required: true, description: 'the certificate to renew, PEM or DER' }),
  }

  /** The certificate is data, also with --quiet. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<EnrolledDocument | EnrolmentPlan> {
    const { args, flags } = await this.parse(EstRenew)
    assertNotExists(flags.out)
    const [csr, renews] = [await readRequestFile(flags.csr), readCertificateFile(flags.cert)]
    const context = this.context(flags)
    const by = { how: 'operator', name: context.actor } as const
    return request(await openSession(context), { label: args.label, csr, renews, by }, flags)
  }

  protected override view(report: EnrolledDocument | EnrolmentPlan, theme: Theme): string {
    return enrolledView(report, theme)
  }
}
