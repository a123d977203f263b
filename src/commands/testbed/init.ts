/** `brine testbed init`: creates a sandbox. */
import { initTestbed, type TestbedReport } from '../../core/app/operations/testbed.js'
import { shellWord } from '../../core/base/shell-word.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class TestbedInit extends BaseCommand<TestbedReport> {
  static override summary = 'create a sandbox: publication server, trust anchor, a CA with all resources'
  static override examples = ['<%= config.bin %> testbed init --data-dir sandbox']
  static override flags = {
    rsync: flag.text({
      helpValue: 'URI',
      default: 'rsync://localhost/repo/',
      description: 'rsync base of the repository',
    }),
    rrdp: flag.text({
      helpValue: 'URI',
      default: 'https://localhost/rrdp/',
      description: 'RRDP base of the repository',
    }),
    test: flag.boolean({ description: 'make a test directory, whose clock BRINE_NOW sets' }),
  }

  protected override async execute(): Promise<TestbedReport> {
    const { flags } = await this.parse(TestbedInit)
    return initTestbed(this.context(flags), { rsyncBase: flags.rsync, rrdpBase: flags.rrdp, test: flags.test })
  }

  protected override get changes(): boolean {
    return true
  }

  protected override view(report: TestbedReport, _theme: Theme): string {
    return [
      `testbed seq ${report.sequence}: trust anchor ${report.ta}, CA ${report.ca} with all resources; published, serial ${report.serial}`,
      `next: brine --data-dir ${shellWord(report.dataDir)} ca add acme --under testbed --resources 192.0.2.0/24,AS64496`,
    ].join('\n')
  }
}
