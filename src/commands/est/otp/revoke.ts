/** `brine est otp revoke`: a one-time password that is good for nothing any more. */
import { type RevokedPassword, revokePassword } from '../../../core/app/enrolment/passwords.js'
import { openSession } from '../../../core/app/transaction/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, writeFlags } from '../../../core/cli/flags/flags.js'

export default class EstOtpRevoke extends BaseCommand<RevokedPassword> {
  static override summary = 'take a one-time password back'
  static override description = 'Certificates that came of it stay. Exit codes: 0, 1 there is none of that id.'
  static override examples = ['<%= config.bin %> est otp revoke k7m2q9xw4t']
  static override args = { id: arg.text({ required: true, description: 'what stands before the colon' }) }

  static override flags = { ...writeFlags }

  protected override async execute(): Promise<RevokedPassword> {
    const { args, flags } = await this.parse(EstOtpRevoke)
    return revokePassword(await openSession(this.context(flags)), args.id)
  }

  protected override view({ id, dryRun }: RevokedPassword): string {
    return dryRun ? `${id} would be revoked; dry run, nothing changed` : `${id} is revoked`
  }
}
