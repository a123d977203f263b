/** `brine ca add`: adds a CA; with a parent of this data directory also its certificate and first manifest. */
import { addCa, type CaReport } from '../../core/app/authority/cas.js'
import { resourcesOf } from '../../core/app/authority/resource-arguments.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class CaAdd extends BaseCommand<CaReport> {
  static override summary = 'add a CA'
  static override description =
    'With --under PARENT: also registers it as a child of PARENT, configures parent and repository, and publishes its first manifest, in one transaction. Without it, the CA holds no resources until it has a repository and a parent.'
  static override examples = [
    '<%= config.bin %> ca add acme --under testbed --resources 192.0.2.0/24,2001:db8::/32,AS64496',
    '<%= config.bin %> ca add acme',
  ]
  static override args = { ca: arg.newHandle({ required: true, description: 'handle of the new CA' }) }
  static override flags = {
    ...changeFlags,
    under: flag.handle({ helpValue: 'PARENT', description: 'parent: a CA or the trust anchor of this data directory' }),
    resources: flag.resources({ description: 'resources that the parent certifies', dependsOn: ['under'] }),
  }

  protected override async execute(): Promise<CaReport> {
    const { args, flags } = await this.parse(CaAdd)
    const { under, resources } = flags
    const place = under === undefined ? undefined : { parent: under, resources: resourcesOf(resources ?? 'none') }
    const session = await openSession(this.context(flags))
    return addCa(session, args.ca, place, { dryRun: flags['dry-run'] })
  }

  protected override view(report: CaReport, theme: Theme): string {
    const { ca, parent, changes } = report
    const change = parent === null ? 'added without a parent: it holds no resources yet' : `added under ${parent}`
    const shown = changedView(changes, changeEnding(ca, report, [change]), theme)
    if (parent !== null || report.dryRun) return shown
    const next = [
      'next, under a registry, whose portal answers both files:',
      `      brine parent request ${ca} --out child-request.xml`,
      `      brine repo request ${ca} --out publisher-request.xml`,
      'or under a CA of this data directory:',
      `      brine repo configure ${ca} --local`,
      `      brine child add PARENT ${ca} --local --resources 192.0.2.0/24,AS64496`,
      `      brine parent add ${ca} PARENT --local`,
    ]
    return [shown, theme.paste(next.join('\n'))].join('\n')
  }
}
