/** `brine config check`: reports every finding in the configuration with its line. */
import { type ConfigCheckReport, checkConfig, checkConfigAndRecords } from '../../core/app/operations/config.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { counted } from '../../core/cli/output/endings.js'
import { findingsView } from '../../core/cli/output/findings.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class ConfigCheck extends BaseCommand<ConfigCheckReport> {
  static override summary = 'check the configuration and report every error with its line'
  static override description =
    'With --config a file can be checked before it is installed. An error in an enrolment section disables that section alone; any other error stops every command. With a data directory, CAs are reported that are not in the group of a label of which they issued certificates that are still valid.'
  static override exitStatus = {
    0: 'valid (there may be warnings)',
    2: 'invalid or no such file',
  }
  static override examples = ['<%= config.bin %> config check', '<%= config.bin %> config check --config new.toml']

  static override opensDataDir = false

  protected override async execute(): Promise<ConfigCheckReport> {
    const { flags } = await this.parse(ConfigCheck)
    if (flags['data-dir'] === undefined && flags.config !== undefined) return checkConfig({ configPath: flags.config })
    return checkConfigAndRecords(this.context(flags))
  }

  protected override view(report: ConfigCheckReport, theme: Theme): string {
    const shown = report.problems.map(({ level, line, message }) => ({
      place: `${report.file}:${line}`,
      message: level === 'warning' ? `warning: ${message}` : message,
    }))
    const cas = report.cas === 0 ? '' : `, ${counted(report.cas, 'enrolment CA')}`
    const settings = `${counted(report.set, 'setting')} changed from default`
    const sum = report.ok ? theme.good(`${report.file}: OK: ${settings}${cas}`) : ''
    return [findingsView(shown, theme), sum].filter((line) => line !== '').join('\n')
  }

  protected override exitCode(report: ConfigCheckReport): number {
    return report.ok ? 0 : EXIT_CODES.usage
  }
}
