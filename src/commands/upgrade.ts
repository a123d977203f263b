/** `brine upgrade`: migrates the data directory of an older version to the current data format. */
import { type UpgradeReport, upgrade } from '../core/app/operations/upgrade.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag, writeFlags } from '../core/cli/flags/flags.js'
import { upgradeView } from '../core/cli/views/upgrade.js'

export default class Upgrade extends BaseCommand<UpgradeReport> {
  static override summary = 'migrate the data directory of an older version to the current format'
  static override description =
    'Builds the new tree beside the live one, verifies it by replay, swaps the two, keeps the old tree in old/ and publishes. The next upgrade completes an interrupted one. To test an upgrade, run it on a copy of the data directory, which stays a stand-by. With BRINE_UPGRADE_ONLY=1 (or KRILL_UPGRADE_ONLY=1) any command does only what --only does.'
  static override exitStatus = {
    1: '--undo after a newer commit or without a kept tree',
    12: 'the data is damaged and nothing changed',
    13: 'a newer version wrote the data',
    14: 'no space (with the bytes needed)',
    17: 'migrated but not published',
  }
  static override examples = [
    '<%= config.bin %> upgrade --dry-run',
    '<%= config.bin %> upgrade',
    'BRINE_UPGRADE_ONLY=1 <%= config.bin %> status --data-dir COPY',
    '<%= config.bin %> upgrade --undo',
  ]
  static override flags = {
    ...writeFlags,
    only: flag.boolean({ description: 'stop before anything is published', exclusive: ['undo'] }),
    undo: flag.boolean({ description: 'restore the old tree, if there was no commit since' }),
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
