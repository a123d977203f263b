/** Base of the commands that change the ASPAs of a CA, as one set in one transaction. */
import { type AspaUpdateReport, updateAspas } from '../app/authority/aspas.js'
import { openSession } from '../app/session/session.js'
import type { Handle } from '../base/handle.js'
import type { AspaChanges } from '../ca/aspas.js'
import { BaseCommand } from './base-command.js'
import { changeFlags, flag } from './flags/flags.js'
import type { Theme } from './output/theme.js'
import { aspasChangedView } from './views/aspas.js'

export abstract class AspaChange extends BaseCommand<AspaUpdateReport> {
  static override flags = {
    ...changeFlags,
    idempotent: flag.boolean({ description: 'succeed if the change is already in effect' }),
  }

  protected async change(
    ca: Handle,
    set: Partial<AspaChanges>,
    flags: Parameters<AspaChange['context']>[0] & { readonly 'dry-run': boolean; readonly idempotent: boolean },
  ): Promise<AspaUpdateReport> {
    const session = await openSession(this.context(flags))
    return updateAspas(session, ca, set, { dryRun: flags['dry-run'], idempotent: flags.idempotent })
  }

  protected override view(report: AspaUpdateReport, theme: Theme): string {
    return aspasChangedView(report, theme)
  }
}
