/** `brine pubserver id show`: shows the ID keys of the publication server and the peers that use each of them. */
import { type IdKeysReport, showIds } from '../../../core/app/exchange/id-keys.js'
import { openSession } from '../../../core/app/session/session.js'
import { BaseCommand } from '../../../core/cli/base-command.js'

import type { Theme } from '../../../core/cli/output/theme.js'
import { idKeysView } from '../../../core/cli/peer-views/id-keys.js'

export default class PubserverIdShow extends BaseCommand<IdKeysReport> {
  static override summary = 'show the ID keys of the publication server, which sign its messages'
  static override description =
    'The newest one is in each new response (RFC 8183); a peer goes on with the one that it was given.'
  static override examples = ['<%= config.bin %> pubserver id show']

  protected override async execute(): Promise<IdKeysReport> {
    const { flags } = await this.parse(PubserverIdShow)
    return showIds(await openSession(this.context(flags)), null)
  }

  protected override view(report: IdKeysReport, theme: Theme): string {
    return idKeysView(report, theme)
  }
}
