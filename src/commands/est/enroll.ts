/** `brine est enroll`: gets one certificate from a healthy CA of the label's group. */

import type { EnrolledDocument } from '../../core/app/enrolment/documents.js'
import type { EnrolmentPlan } from '../../core/app/enrolment/enrolment-run.js'
import { assertNotExists } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { readRequestFile, request, requestFlags } from '../../core/cli/flags/enrolment.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { enrolledView } from '../../core/cli/views/enrolled.js'

export default class EstEnroll extends BaseCommand<EnrolledDocument | EnrolmentPlan> {
  static override summary = 'get a certificate for a request from a healthy CA of the label'
  static override description =
    'Prints the certificate (PEM). The request is checked against the profile of the label, and what the CA returns against the request. Running the same command again polls a pending request.'
  static override exitStatus = {
    1: 'the request is refused',
    16: 'no CA can serve',
    17: 'the request waits for approval at the CA',
    18: 'it is unknown whether the CA issued',
  }
  static override examples = [
    '<%= config.bin %> est enroll device --csr device.csr --out device.pem',
    '<%= config.bin %> est enroll device --csr - --json --explain',
  ]
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }
  static override flags = { ...requestFlags }

  /** The certificate is data, also with --quiet. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<EnrolledDocument | EnrolmentPlan> {
    const { args, flags } = await this.parse(EstEnroll)
    assertNotExists(flags.out)
    const csr = await readRequestFile(flags.csr)
    const context = this.context(flags)
    const by = { how: 'operator', name: context.actor } as const
    return request(await openSession(context), { label: args.label, csr, by }, flags)
  }

  protected override view(report: EnrolledDocument | EnrolmentPlan, theme: Theme): string {
    return enrolledView(report, theme)
  }
}
