/** `brine est otp revoke`: revokes a one-time password. */
import { type RevokedPassword, revokePassword } from '../../../core/app/enrolment/passwords.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, writeFlags } from '../../../core/cli/flags/flags.js'

export default class EstOtpRevoke extends BaseCommand<RevokedPassword> {
  static override summary = 'revoke a one-time password'
  static override description = 'Certificates issued with it stay valid.'
  static override exitStatus = {
    1: 'unknown id',
  }
  static override examples = ['<%= config.bin %> est otp revoke k7m2q9xw4t']
  static override args = { id: arg.text({ required: true, description: 'the part before the colon' }) }

  static override flags = { ...writeFlags }

  protected override async execute(): Promise<RevokedPassword> {
    const { args, flags } = await this.parse(EstOtpRevoke)
    return revokePassword(await openSession(this.context(flags)), args.id)
  }

  protected override view({ id, dryRun }: RevokedPassword): string {
    return dryRun ? `${id} would be revoked; dry run, nothing changed` : `${id} is revoked`
  }
}
