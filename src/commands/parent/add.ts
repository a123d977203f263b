/** `brine parent add`: adds a parent of this data directory, or one elsewhere by its parent_response. */
import { resourceLine } from '../../core/app/authority/children.js'
import { addLocalParent, type ParentReport } from '../../core/app/authority/parents.js'
import { addRemoteParent, type ParentContactReport } from '../../core/app/exchange/client/parent-contact.js'
import { readOctets } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { permissionFlags, permissionsOf } from '../../core/cli/flags/peer-flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { idChoiceLines } from '../../core/cli/peer-views/id-keys.js'

type Added = ParentReport | ParentContactReport

export default class ParentAdd extends BaseCommand<Added> {
  static override summary = 'add a parent to a CA'
  static override description =
    'A parent of this data directory (--local) must already have the CA as a child: brine child add PARENT CA --local. One elsewhere has answered the child_request of brine parent request: --response is its parent_response file (RFC 8183). The same command with another response or other permissions changes the contact.'
  static override examples = [
    '<%= config.bin %> parent add branch acme --local',
    '<%= config.bin %> parent add acme registry --response parent-response.xml',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    parent: arg.newHandle({ required: true, description: 'its parent; for one elsewhere, your name for it' }),
  }
  static override flags = {
    ...changeFlags,
    local: flag.boolean({ description: 'the parent is in this data directory', exclusive: ['response'] }),
    response: flag.path({ description: 'the parent is elsewhere: its parent_response (RFC 8183)' }),
    ...permissionFlags,
  }

  static override needs = [
    {
      code: 'parent-where',
      oneOf: { local: 'for a parent of this data directory', response: 'for one elsewhere' },
    },
  ]

  protected override async execute(): Promise<Added> {
    const { args, flags } = await this.parse(ParentAdd)
    const options = { dryRun: flags['dry-run'] }
    if (flags.response !== undefined) {
      const remote = { response: readOctets(flags.response), permissions: permissionsOf(flags) }
      return addRemoteParent(await openSession(this.context(flags)), args.ca, args.parent, remote, options)
    }
    return addLocalParent(await openSession(this.context(flags)), args.ca, args.parent, options)
  }

  protected override view(report: Added, theme: Theme): string {
    if ('serviceUri' in report) {
      const line = changeEnding(report.ca, report, [`parent ${report.parent} added (${report.serviceUri})`])
      const notes = idChoiceLines(report, report.parent, `--parent ${report.parent}`)
      const next = report.dryRun ? [] : [`next: brine parent refresh ${report.ca} ${report.parent}`]
      return [line, ...[...notes, ...next].map(theme.paste)].join('\n')
    }
    const holds = resourceLine(report.resources)
    const isEmpty = holds === 'none'
    const line = changeEnding(report.ca, report, [
      `parent ${report.parent} added (${isEmpty ? 'no certificate yet' : `holds ${holds}`})`,
    ])
    if (!isEmpty || report.dryRun) return line
    return `${line}\n${theme.paste(`next, if it has no repository: brine repo configure ${report.ca} --local`)}`
  }
}
