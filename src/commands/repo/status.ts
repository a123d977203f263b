/** `brine repo status`: lists the repositories of CAs with what they have not confirmed. */

import { openSession } from '../../core/app/session/session.js'
import { type RepoStatusReport, repoStatus } from '../../core/app/status/repositories.js'
import { isAtLeast } from '../../core/app/status/verdict.js'
import type { Instant } from '../../core/base/time.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { repositoriesView } from '../../core/cli/peer-views/repositories.js'

export default class RepoStatus extends BaseCommand<RepoStatusReport> {
  static override summary = 'list the repositories of CAs with the last success and unconfirmed objects'
  static override description = 'Read-only: takes no lock and sends nothing.'
  static override exitStatus = {
    1: 'with --fail-on: a repository fails at that level or worse',
    3: 'some CAs cannot be read; the others are shown',
  }
  static override examples = ['<%= config.bin %> repo status', '<%= config.bin %> repo status acme --fail-on warning']
  static override args = { ca: arg.handle({ description: 'the CA; default: every CA with a repository' }) }
  static override flags = {
    'fail-on': flag.choice(['warning', 'critical'], { description: 'exit 1 if a repository fails at this or worse' }),
  }
  #failOn: 'warning' | 'critical' | undefined

  #now: Instant | undefined

  protected override async execute(): Promise<RepoStatusReport> {
    const { args, flags } = await this.parse(RepoStatus)
    this.#failOn = flags['fail-on']
    const session = await openSession(this.context(flags))
    this.#now = session.now()
    return repoStatus(session, args.ca)
  }

  protected override faults(report: RepoStatusReport): readonly string[] {
    return report.failed.map(({ ca, message }) => `${ca}: ${message}`)
  }

  protected override view(report: RepoStatusReport, theme: Theme): string {
    return repositoriesView(report, theme, this.#now)
  }

  protected override exitCode({ verdict, failed }: RepoStatusReport): number {
    if (this.#failOn !== undefined && isAtLeast(verdict, this.#failOn)) return 1
    return failed.length === 0 ? 0 : EXIT_CODES.partial
  }
}
