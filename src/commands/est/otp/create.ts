/** `brine est otp create`: creates a one-time password for enrolment over HTTP. */
import { createPassword, type NewPassword } from '../../../core/app/enrolment/passwords.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'

const DAY = 86_400

export default class EstOtpCreate extends BaseCommand<NewPassword> {
  static override summary = 'create a one-time password for clients that have no certificate yet'
  static override description =
    'Prints ID:SECRET, for HTTP Basic authentication; the secret is not stored and shown only now. It is used up only when a certificate is issued. The label must have auth = ["password"].'
  static override examples = [
    '<%= config.bin %> est otp create device --for 2h --note "sensor 17"',
    '<%= config.bin %> est otp create device --uses 50 --for 7d --json',
  ]
  static override args = { label: arg.text({ required: true, description: 'the name of an [[est.label]]' }) }
  static override flags = {
    ...writeFlags,
    uses: flag.integer({
      min: 1,
      max: 100_000,
      default: 1,
      description: 'number of certificates that can be issued with it (default 1)',
    }),
    for: flag.duration({ min: 1, description: 'how long it is valid (default 24h)' }),
    note: flag.text({ description: 'who it is for; recorded in history' }),
  }

  /** The secret is data, also with --quiet. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<NewPassword> {
    const { args, flags } = await this.parse(EstOtpCreate)
    const options = { label: args.label, uses: flags.uses, validSeconds: flags.for ?? DAY, note: flags.note ?? '' }
    return createPassword(await openSession(this.context(flags)), options)
  }

  protected override view({ id, secret, label, uses, expires }: NewPassword): string {
    if (secret === null)
      return `${label}: a password for ${uses} certificate${uses === 1 ? '' : 's'} until ${expires}; dry run, nothing changed`
    return `${id}:${secret}`
  }
}
