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

/** Purposes of the remaining commands, in the order of the report. */
const PURPOSES = [
  'publish what is due, every 5 minutes',
  'serve RRDP and the trust anchor',
  'serve rsync',
  'get a certificate for the web server that validators trust',
  'give the trust anchor locator to your validators',
  'add a CA',
]

export default class Setup extends BaseCommand<SetupReport> {
  static override summary = 'set up a repository: data directory, publication server, trust anchor, server files'
  static override description =
    'Does what init, pubserver init and ta init do, and writes the files for nginx, Apache, rsyncd, cron and systemd to DATA_DIR/setup, with the paths and host names of this data directory. The same command completes a run that was interrupted, and writes the files again. The URIs cannot be changed later.'
  static override examples = [
    '<%= config.bin %> setup --rsync rsync://rpki.example.net/repo/ --rrdp https://rpki.example.net/rrdp/',
  ]
  static override flags = {
    ...writeFlags,
    rsync: flag.text({ helpValue: 'URI', required: true, description: 'public rsync URI of the repository' }),
    rrdp: flag.text({ helpValue: 'URI', required: true, description: 'public RRDP URI of the repository' }),
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
    const { created, dryRun, dataDir, files, nextSteps } = report
    const made = created.map((part) => WORDS[part] ?? part).join(', ')
    const first =
      created.length === 0 ? 'everything was set up already' : dryRun ? `would create: ${made}` : `created: ${made}`
    const where = `${dryRun ? 'would write' : 'wrote'} to ${dataDir}/setup: ${files.map(({ name }) => name).join(', ')}`
    if (dryRun) return [`${dataDir}: ${first}`, where, 'dry run, nothing changed'].join('\n')
    const steps = nextSteps.flatMap((step, n) => [theme.dim(`# ${PURPOSES[n] ?? ''}`), step])
    return [`${dataDir}: ${first}`, where, '', 'next:', ...steps].join('\n')
  }
}
