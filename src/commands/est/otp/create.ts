/** `brine est otp create`: lets somebody enrol over HTTP once. */
import { createPassword, type NewPassword } from '../../../core/app/enrolment/passwords.js'
import { openSession } from '../../../core/app/transaction/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg, flag, writeFlags } from '../../../core/cli/flags/flags.js'

const DAY = 86_400

export default class EstOtpCreate extends BaseCommand<NewPassword> {
  static override summary = 'make a one-time password for clients that have no certificate yet'
  static override description =
    'Prints ID:SECRET, for HTTP Basic authentication; the secret is kept nowhere and shown this once. It is spent only with the certificate. The label must have auth = "password".'
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
      description: 'certificates that it is good for (default 1)',
    }),
    for: flag.duration({ min: 1, description: 'how long it is good (default 24h)' }),
    note: flag.text({ description: 'for whom it is; history keeps it' }),
  }

  /** The secret is data, also with --quiet. */
  protected override get changes(): boolean {
    return false
  }

  protected override async execute(): Promise<NewPassword> {
    const { args, flags } = await this.parse(EstOtpCreate)
    const order = { label: args.label, uses: flags.uses, validSeconds: flags.for ?? DAY, note: flags.note ?? '' }
    return createPassword(await openSession(this.context(flags)), order)
  }

  protected override view({ id, secret, label, uses, expires }: NewPassword): string {
    if (secret === null)
      return `${label}: a password for ${uses} certificate${uses === 1 ? '' : 's'} until ${expires}; dry run, nothing changed`
    return `${id}:${secret}`
  }
}
