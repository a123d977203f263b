/** `brine repo configure`: sets the repository of a CA, of this data directory or elsewhere by its repository_response. */
import { configureLocalRepository, type RepositoryReport } from '../../core/app/authority/parents.js'
import type { IdChoice } from '../../core/app/exchange/client/parent-contact.js'
import { configureRemoteRepository } from '../../core/app/exchange/client/repository-contact.js'
import { readOctets } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { permissionFlags, permissionsOf } from '../../core/cli/flags/peer-flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { idChoiceLines } from '../../core/cli/peer-views/id-keys.js'

/** With `--response`: our ID key toward the repository. */
type Configured = RepositoryReport | (RepositoryReport & IdChoice)

export default class RepoConfigure extends BaseCommand<Configured> {
  static override summary = 'set the repository of a CA'
  static override description =
    'The publication server of this data directory (--local), or one elsewhere that has answered the publisher_request of brine repo request: --response is its repository_response file (RFC 8183). The same command with another response of the same place or other permissions changes the contact.'
  static override examples = [
    '<%= config.bin %> repo configure acme --local',
    '<%= config.bin %> repo configure acme --response repository-response.xml',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    local: flag.boolean({ description: 'use the publication server of this data directory', exclusive: ['response'] }),
    response: flag.path({ description: 'the repository is elsewhere: its repository_response (RFC 8183)' }),
    ...permissionFlags,
  }

  static override needs = [
    {
      code: 'repo-where',
      oneOf: { local: 'for the publication server of this data directory', response: 'for one elsewhere' },
    },
  ]

  protected override async execute(): Promise<Configured> {
    const { args, flags } = await this.parse(RepoConfigure)
    const options = { dryRun: flags['dry-run'] }
    if (flags.response !== undefined) {
      const remote = { response: readOctets(flags.response), permissions: permissionsOf(flags) }
      return configureRemoteRepository(await openSession(this.context(flags)), args.ca, remote, options)
    }
    return configureLocalRepository(await openSession(this.context(flags)), args.ca, options)
  }

  protected override view(report: Configured, theme: Theme): string {
    const line = changeEnding(report.ca, report, [`publishes at ${report.repository?.base ?? '-'}`])
    const notes = 'id' in report ? idChoiceLines(report, 'the repository', '--repository') : []
    const isRemote = report.repository?.transport === 'rfc8181'
    const refresh = `next: brine parent refresh ${report.ca}   # if its parent is elsewhere`
    const next = isRemote && !report.dryRun ? [refresh] : []
    return [line, ...notes.map(theme.paste), ...next].join('\n')
  }
}
