/** `brine doctor`: checks the machine and the data directory. */
import { type DoctorReport, diagnose } from '../core/app/doctor/doctor.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import type { Theme } from '../core/cli/output/theme.js'
import { doctorView } from '../core/cli/views/doctor.js'

export default class Doctor extends BaseCommand<DoctorReport> {
  static override summary = 'check permissions, clock, disk, keys, certificates and configuration'
  static override description =
    'Changes nothing and connects to nothing. Works on a damaged directory, without permissions and on a full disk: what cannot be checked is a fault, and the other checks go on.'
  static override exitStatus = {
    0: 'no fault (there may be warnings)',
    1: 'a fault',
  }
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']

  protected override async execute(): Promise<DoctorReport> {
    const { flags } = await this.parse(Doctor)
    const program = { root: this.config.root, version: this.config.version, node: process.version }
    const context = { ...this.context(flags), onNotice: () => undefined }
    return diagnose(context, {
      program: { ...program, platform: process.platform, arch: process.arch },
      uid: process.getuid?.(),
    })
  }

  protected override view(report: DoctorReport, theme: Theme): string {
    return doctorView(report, theme)
  }

  protected override exitCode(report: DoctorReport): number {
    return report.ok ? 0 : EXIT_CODES.rejected
  }
}
