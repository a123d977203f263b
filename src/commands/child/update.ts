/** `brine child update`: changes the resources of a child and updates every CA below. */
import { type ChildReport, resourceLine, updateChild } from '../../core/app/authority/children.js'
import { resourceChange } from '../../core/app/authority/resource-arguments.js'
import { updateChildId } from '../../core/app/exchange/server/child-contact.js'
import { readOctets } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, confirmFlags, flag } from '../../core/cli/flags/flags.js'
import { SAFETY_NEEDS, safetyFlags } from '../../core/cli/flags/safety.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { impactLines, impactTitles } from '../../core/cli/views/impact.js'

/** With `--request`: the ID certificate was replaced. */
interface Updated extends ChildReport {
  readonly contact?: true
}

export default class ChildUpdate extends BaseCommand<Updated> {
  static override summary = 'change the resources of a child'
  static override description =
    'ROAs below that lose their prefix are withdrawn. They remain configured and are published again when the resources return. To take everything away and keep the child: --resources none; to end the relation: brine child remove.'
  static override examples = [
    '<%= config.bin %> child update acme branch --add 198.51.100.0/24',
    '<%= config.bin %> child update acme branch --remove 192.0.2.0/25 --dry-run',
    '<%= config.bin %> child update acme branch --resources none --yes --reason "moved"',
    '<%= config.bin %> child update acme customer --request child-request.xml',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the parent' }),
    child: arg.handle({ required: true, description: 'the child' }),
  }
  static override flags = {
    ...changeFlags,
    ...confirmFlags,
    ...safetyFlags,
    resources: flag.resources({
      description: 'the complete new set of resources; none: no resources, all: every resource of the parent',
      exclusive: ['add', 'remove'],
    }),
    add: flag.resources({ description: 'resources to add' }),
    remove: flag.resources({ description: 'resources to remove; all: every resource' }),
    request: flag.path({
      description: 'a new child_request (RFC 8183) of a child elsewhere: its ID certificate replaces the one before',
      exclusive: ['resources', 'add', 'remove'],
    }),
  }

  static override needs = [
    ...SAFETY_NEEDS,
    {
      code: 'resources-missing',
      oneOf: { resources: '', add: '', remove: '', request: '' },
      message: 'one of --resources, --add, --remove and --request is required',
    },
  ]

  protected override async execute(): Promise<Updated> {
    const { args, flags } = await this.parse(ChildUpdate)
    const session = await openSession(this.context(flags))
    if (flags.request !== undefined) {
      const options = { dryRun: flags['dry-run'] }
      const report = await updateChildId(session, args.ca, args.child, readOctets(flags.request), options)
      return { ...report, contact: true, lost: [], regained: [], changes: [], unusedKeys: [], orphaned: false }
    }
    const update = resourceChange(flags)
    const preview = await updateChild(session, args.ca, args.child, update, { dryRun: true })
    if (flags['dry-run']) return preview
    if (preview.lost.length > 0) await this.confirm(impactLines(preview).join('\n'), flags)
    return updateChild(session, args.ca, args.child, update)
  }

  protected override view(report: Updated, theme: Theme): string {
    if (report.contact === true)
      return changeEnding(report.ca, report, [`messages of ${report.child} are verified by its new ID certificate`])
    const resources = resourceLine(report.resources)
    const what = resources === 'none' ? 'no longer entitled to any resources' : `entitled to ${resources}`
    const impact = impactTitles(report)
    const ending = changeEnding(report.ca, report, [`${report.child} is ${what}`, ...impact])
    const shown = changedView(report.changes, ending, theme)
    return [shown, ...unusedKeyLines(report).map(theme.paste)].join('\n')
  }
}

/** Returns a line that says which key files are left, if any are. */
function unusedKeyLines({ unusedKeys, dryRun }: ChildReport): readonly string[] {
  if (unusedKeys.length === 0) return []
  const names = unusedKeys.map(({ ca, ski }) => `${ski} of ${ca}`).join(', ')
  const what = dryRun ? 'would no longer be used' : unusedKeys.length === 1 ? 'is no longer used' : 'are no longer used'
  return [
    `key ${names} ${what}: a class that comes back gets a new one, and brine clean removes the file after 30 days`,
  ]
}
