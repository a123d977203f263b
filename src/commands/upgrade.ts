/** `brine upgrade`: the data directory of an older version becomes one of this version. */
import { type UpgradeReport, upgrade } from '../core/app/operations/upgrade.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag, writeFlags } from '../core/cli/flags/flags.js'
import { upgradeView } from '../core/cli/output/upgrade.js'

export default class Upgrade extends BaseCommand<UpgradeReport> {
  static override summary = 'migrate the data directory of an older version to the present format'
  static override description =
    'Builds the new tree beside the live one, verifies it by replay, swaps, keeps the old tree in old/ and publishes. An interrupted upgrade is completed by the next one. A copy of a data directory can be upgraded too, to see whether yours will: it stays a stand-by. BRINE_UPGRADE_ONLY=1 (or KRILL_UPGRADE_ONLY=1) makes any command do --only and nothing else. Exit codes: 0 done, or nothing to do, 1 --undo and something was committed since, or no tree is kept, 12 the data is damaged and nothing changed, 13 a newer version wrote it, 14 no room (with the bytes needed), 17 migrated and not published.'
  static override examples = [
    '<%= config.bin %> upgrade --dry-run',
    '<%= config.bin %> upgrade',
    'BRINE_UPGRADE_ONLY=1 <%= config.bin %> status --data-dir COPY',
    '<%= config.bin %> upgrade --undo',
  ]
  static override flags = {
    ...writeFlags,
    only: flag.boolean({ description: 'stop before anything is published', exclusive: ['undo'] }),
    undo: flag.boolean({ description: 'put the old tree back, where nothing was committed since' }),
  }

  protected override async execute(): Promise<UpgradeReport> {
    const { flags } = await this.parse(Upgrade)
    const { only, undo } = flags
    return upgrade(this.context(flags), { only, undo, dryRun: flags['dry-run'] })
  }

  protected override view(report: UpgradeReport): string {
    return upgradeView(report)
  }
}
