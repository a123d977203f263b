/** `brine doctor`: checks the machine and the data directory, and writes a bundle for support. */
import { type DoctorReport, diagnose } from '../core/app/doctor/doctor.js'
import { assertNotExists } from '../core/app/operations/user-files.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { EXIT_CODES } from '../core/cli/exit-codes.js'
import { flag } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'
import { doctorView } from '../core/cli/views/doctor.js'

export default class Doctor extends BaseCommand<DoctorReport> {
  static override summary = 'check permissions, clock, disk, keys, certificates and configuration'
  static override description =
    'Changes nothing, and connects to nothing without --network. Works on a damaged directory, without permissions and on a full disk: what cannot be checked is a fault, and the other checks go on. --bundle writes what was found, with settings, state and history, and without keys, passwords, or text of the configuration or of people.'
  static override exitStatus = {
    0: 'no fault (there may be warnings)',
    1: 'a fault',
  }
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --network',
    '<%= config.bin %> doctor --bundle support.tar.gz',
  ]
  static override flags = {
    network: flag.boolean({
      description: 'also connect to parents, repositories, repository servers, enrolment CAs and our own URIs',
    }),
    bundle: flag.path({ description: 'write a new tar.gz file for support, without secrets' }),
  }

  protected override async execute(): Promise<DoctorReport> {
    const { flags } = await this.parse(Doctor)
    const program = { root: this.config.root, version: this.config.version, node: process.version }
    const context = { ...this.context(flags), onNotice: () => undefined }
    assertNotExists(flags.bundle)
    const diagnosis = await diagnose(context, {
      program: { ...program, platform: process.platform, arch: process.arch },
      uid: process.getuid?.(),
      network: flags.network,
    })
    if (flags.bundle === undefined) return diagnosis.report
    const { writeBundle } = await import('../core/app/doctor/bundle.js')
    await writeBundle(flags.bundle, diagnosis, context, process.env)
    return { ...diagnosis.report, bundle: flags.bundle }
  }

  protected override view(report: DoctorReport, theme: Theme): string {
    return doctorView(report, theme)
  }

  protected override exitCode(report: DoctorReport): number {
    return report.ok ? 0 : EXIT_CODES.rejected
  }
}
