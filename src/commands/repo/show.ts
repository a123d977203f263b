/** `brine repo show`: shows where a CA publishes: contact, last exchange, objects that are not confirmed. */

import { openSession } from '../../core/app/session/session.js'
import { type RepoShowReport, showRepository } from '../../core/app/status/repositories.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { repositoryView } from '../../core/cli/peer-views/repositories.js'

export default class RepoShow extends BaseCommand<RepoShowReport> {
  static override summary = 'show where a CA publishes: contact, last exchange, unconfirmed objects'
  static override description = 'Read-only: takes no lock and sends nothing.'
  static override examples = ['<%= config.bin %> repo show acme']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  #now: Instant | undefined

  protected override async execute(): Promise<RepoShowReport> {
    const { args, flags } = await this.parse(RepoShow)
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return showRepository(session, args.ca)
  }

  protected override view(report: RepoShowReport, theme: Theme): string {
    return repositoryView(report, theme, this.#now)
  }
}
