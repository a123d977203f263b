/** `brine router list`: lists the router keys of a CA and the state of their certificates. */
import { listRouters, type RouterListReport } from '../../core/app/authority/routers.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { routerListView } from '../../core/cli/views/routers.js'

export default class RouterList extends BaseCommand<RouterListReport> {
  static override summary = 'list the router keys of a CA'
  static override description =
    'States: published; pending (not issued yet, or the repository elsewhere has not confirmed the newest objects of the CA); suspended (a parent in this data directory has suspended the CA or one above it, so relying parties do not find it); notHeld (configured, but the CA does not hold the AS).'
  static override examples = [
    '<%= config.bin %> router list acme',
    '<%= config.bin %> router list acme --asn AS64496 --json',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = { asn: flag.asn({ description: 'only keys of this AS' }) }

  protected override async execute(): Promise<RouterListReport> {
    const { args, flags } = await this.parse(RouterList)
    return listRouters(await openSession(this.context(flags)), args.ca, flags.asn)
  }

  protected override view(report: RouterListReport, theme: Theme): string {
    return routerListView(report, theme)
  }
}
