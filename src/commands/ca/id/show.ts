/** `brine ca id show`: shows the ID keys of a CA and the peers that use each of them. */
import { type IdKeysReport, showIds } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'
import { arg } from '../../../core/cli/flags/flags.js'
import type { Theme } from '../../../core/cli/output/theme.js'
import { idKeysView } from '../../../core/cli/peer-views/id-keys.js'

export default class CaIdShow extends BaseCommand<IdKeysReport> {
  static override summary = 'show the ID keys of a CA, which sign its messages'
  static override description =
    'The newest one is in each new request and response (RFC 8183); a peer goes on with the one that it was given.'
  static override examples = ['<%= config.bin %> ca id show acme']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  protected override async execute(): Promise<IdKeysReport> {
    const { args, flags } = await this.parse(CaIdShow)
    return showIds(await openSession(this.context(flags)), args.ca)
  }

  protected override view(report: IdKeysReport, theme: Theme): string {
    return idKeysView(report, theme)
  }
}
