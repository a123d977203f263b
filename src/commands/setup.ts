/** `brine setup`: makes a data directory ready for production. */
import { resolve } from 'node:path'
import { type SetupReport, setup } from '../core/app/operations/setup.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { flag, writeFlags } from '../core/cli/flags/flags.js'
import type { Theme } from '../core/cli/output/theme.js'

const WORDS: Readonly<Record<string, string>> = {
  'data-directory': 'data directory',
  'publication-server': 'publication server',
  'trust-anchor': 'trust anchor',
}

export default class Setup extends BaseCommand<SetupReport> {
  static override summary = 'set up a repository, or a data directory for CAs under a registry'
  static override description =
    'With the URIs of a repository of your own: does what init, pubserver init and ta init do, and writes the files for nginx, Apache, rsyncd, cron and systemd to DATA_DIR/setup, with the paths and host names of this data directory. Without URIs, for CAs under a registry that publish in its repository: does what init does, and writes the files for cron and systemd. The same command completes a run that was interrupted, and writes the files again. The URIs cannot be changed later.'
  static override examples = [
    '<%= config.bin %> setup --rsync rsync://rpki.example.net/repo/ --rrdp https://rpki.example.net/rrdp/',
    '<%= config.bin %> setup',
  ]
  static override needs = (['tal-https', 'tal-rsync'] as const).map((name) => ({
    code: 'flag-invalid',
    oneOf: { rsync: '' },
    with: name,
    message: `--${name} needs --rsync and --rrdp`,
  }))
  static override flags = {
    ...writeFlags,
    rsync: flag.text({ helpValue: 'URI', dependsOn: ['rrdp'], description: 'public rsync URI of a repository here' }),
    rrdp: flag.text({ helpValue: 'URI', dependsOn: ['rsync'], description: 'public RRDP URI of a repository here' }),
    'tal-https': flag.text({
      helpValue: 'URI',
      description: 'https URI of the trust anchor certificate (default: /ta/ta.cer on the host of --rrdp)',
    }),
    'tal-rsync': flag.text({
      helpValue: 'URI',
      description: 'rsync URI of the trust anchor certificate (default: /ta/ta.cer on the host of --rsync)',
    }),
  }

  protected override async execute(): Promise<SetupReport> {
    const { flags } = await this.parse(Setup)
    const uris = {
      rsyncBase: flags.rsync,
      rrdpBase: flags.rrdp,
      anchorHttps: flags['tal-https'],
      anchorRsync: flags['tal-rsync'],
    }
    return setup(this.context(flags), uris, {
      contrib: resolve(this.config.root, 'contrib'),
      path: process.argv[1] ?? 'brine',
      node: process.execPath,
    })
  }

  protected override view(report: SetupReport, theme: Theme): string {
    const { created, dryRun, dataDir, files, nextSteps, purposes } = report
    const made = created.map((part) => WORDS[part] ?? part).join(', ')
    const first =
      created.length === 0 ? 'everything was set up already' : dryRun ? `would create: ${made}` : `created: ${made}`
    const where = `${dryRun ? 'would write' : 'wrote'} to ${dataDir}/setup: ${files.map(({ name }) => name).join(', ')}`
    if (dryRun) return [`${dataDir}: ${first}`, where, 'dry run, nothing changed'].join('\n')
    const steps = nextSteps.flatMap((step, n) => [theme.dim(`# ${purposes[n] ?? ''}`), step])
    return [`${dataDir}: ${first}`, where, '', 'next:', ...steps].join('\n')
  }
}
