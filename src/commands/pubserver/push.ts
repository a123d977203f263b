/** `brine pubserver push`: copies the published tree to repository servers, in two phases. */
import { type PushReport, push } from '../../core/app/distribution/push.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { EXIT_CODES } from '../../core/cli/exit-codes.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'

export default class PubserverPush extends BaseCommand<PushReport> {
  static override summary = 'copy the published tree to repository servers'
  static override description =
    'First every file goes to every target, then the notification files and the rsync links are switched, so that a validator may ask any server for what another one told it. Each target serves a complete version at every instant; it has the folders rrdp/, rsync/ and ta/ of the published tree, and rsync/current is what its rsync daemon serves. A target that fails does not keep the others back. Files and trees that are no longer used stay for two hours. Uses the installed rsync: RSYNC_RSH and RSYNC_PASSWORD are passed on, and an rsync daemon that is written to needs "munge symlinks = no". On a stand-by it is refused.'
  static override exitStatus = {
    0: 'every target serves this version',
    3: 'some targets failed, the others are done',
    11: 'another push is running',
    15: 'every target failed',
  }
  static override examples = [
    '<%= config.bin %> pubserver push',
    '<%= config.bin %> pubserver push --dry-run',
    '<%= config.bin %> pubserver push /srv/mirror brine@two.example.net:/srv/rpki',
    '<%= config.bin %> pubserver push rsync://brine@three.example.net/rpki --timeout 5m',
  ]
  static override args = {
    target: arg.text({
      description: 'a folder, USER@HOST:/PATH or rsync://HOST/MODULE (default: push of each [[repository.server]])',
      multiple: true,
    }),
  }
  static override flags = {
    'dry-run': flag.boolean({ description: 'ask the targets what they have, and write nothing to them' }),
    timeout: flag.duration({ description: 'how long each phase may take for one target (default 10m)', min: 1 }),
  }

  protected override get changes(): boolean {
    return true
  }

  protected override async execute(): Promise<PushReport> {
    const { flags, args } = await this.parse(PubserverPush)
    const session = await openSession(this.context(flags))
    return push(session, { targets: args.target ?? [], seconds: flags.timeout ?? 600, dryRun: flags['dry-run'] })
  }

  protected override view({ serial, targets, dryRun }: PushReport, theme: Theme): string {
    return targets
      .map(({ target, error, switched, from, files, removed }) => {
        if (error !== null) return `${target}: ${theme.bad('failed')}: ${error.message}${hint(error.hint)}`
        if (!switched) return `${target}: serves serial ${serial} already`
        const before = from === null ? 'nothing of this session' : `serial ${from}`
        const old = removed === 0 ? '' : `, ${removed} old ${dryRun ? 'to remove' : 'removed'}`
        const sent = `${counted(files, 'file')} ${dryRun ? 'to send' : 'sent'}${old}`
        if (dryRun) return `${target}: serves ${before}; to become serial ${serial}, ${sent}`
        return `${target}: ${theme.good(`serial ${serial}`)}, before ${before}; ${sent}`
      })
      .join('\n')
  }

  protected override faults({ targets }: PushReport): readonly string[] {
    return targets.flatMap(({ target, error }) => (error === null ? [] : [`${target}: ${error.message}`]))
  }

  protected override exitCode({ failed, targets }: PushReport): number {
    if (failed === 0) return 0
    return failed < targets.length ? EXIT_CODES.partial : EXIT_CODES.remote
  }
}

function hint(text: string | null): string {
  return text === null ? '' : `  -> ${text}`
}
