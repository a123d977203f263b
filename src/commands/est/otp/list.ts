/** `brine est otp list`: lists one-time passwords and their remaining uses. */
import { listPasswords, type PasswordRow } from '../../../core/app/enrolment/passwords.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { flag } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'

interface PasswordList {
  readonly passwords: readonly PasswordRow[]
}

export default class EstOtpList extends BaseCommand<PasswordList> {
  static override summary = 'list one-time passwords: how often each was used, and when it expires'
  static override description =
    'No secret is shown, since none is stored. Passwords that expired more than 30 days ago are not listed.'
  static override examples = ['<%= config.bin %> est otp list --label device']
  static override flags = { label: flag.text({ helpValue: 'LABEL', description: 'only of this label' }) }

  protected override async execute(): Promise<PasswordList> {
    const { flags } = await this.parse(EstOtpList)
    return { passwords: await listPasswords(await openSession(this.context(flags)), flags.label) }
  }

  protected override view({ passwords }: PasswordList, theme: Theme): string {
    if (passwords.length === 0) return 'no one-time passwords'
    return theme.table({
      columns: [
        { title: 'ID', rank: 3 },
        'LABEL',
        { title: 'STATE', rank: 3 },
        { title: 'USED', align: 'right' },
        { title: 'EXPIRES', rank: 3, cut: 'time' },
        { title: 'NOTE', rank: 1 },
      ],
      rows: passwords.map((one) => [
        one.id,
        one.label,
        one.state === 'usable' ? theme.good(one.state) : theme.dim(one.state),
        `${one.used}/${one.uses}`,
        one.expires,
        one.note,
      ]),
    })
  }
}
