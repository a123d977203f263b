/** `brine repo migrate`: moves a CA to another repository by a key roll. */
import {
  type Migration,
  type MigrationReport,
  migrateRepository,
} from '../../core/app/exchange/client/migrate-repository.js'
import type { IdChoice } from '../../core/app/exchange/client/parent-contact.js'
import { readOctets } from '../../core/app/operations/user-files.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg, changeFlags, flag } from '../../core/cli/flags/flags.js'
import { permissionFlags, permissionsOf } from '../../core/cli/flags/peer-flags.js'
import { changeEnding } from '../../core/cli/output/change-ending.js'
import { changedView } from '../../core/cli/output/changes.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { idChoiceLines } from '../../core/cli/peer-views/id-keys.js'
import { leavingText } from '../../core/cli/peer-views/repositories.js'
import { rollLines } from '../../core/cli/views/keyroll.js'

type Migrated = MigrationReport & Partial<IdChoice>

export default class RepoMigrate extends BaseCommand<Migrated> {
  static override summary = 'move a CA to another repository'
  static override description =
    'A key roll of every class whose new keys publish in the new repository: its repository_response (--response), or the publication server of this data directory (--local). The new keys are staged there; keyroll activate, or tick with --activate-after, moves every product. The old repository keeps a manifest and CRL of each old key until the parent has revoked it; then tick and repo sync withdraw what is left there, and it is forgotten. With --abandon-old nothing is sent to the old repository any more, and the new keys take over as soon as the new one has them: for a repository that is gone for ever, at once or later while a migration is open. --cancel takes an open migration back before the new keys are activated: the parent revokes them, what they publish in the new repository is withdrawn, and the old one stays as it is.'
  static override examples = [
    '<%= config.bin %> repo migrate acme --response repository-response.xml --activate-after 24h',
    '<%= config.bin %> repo migrate acme --local',
    '<%= config.bin %> repo migrate acme --abandon-old --reason "old server closed"',
    '<%= config.bin %> repo migrate acme --cancel',
  ]
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }
  static override flags = {
    ...changeFlags,
    local: flag.boolean({ description: 'to the publication server of this data directory', exclusive: ['response'] }),
    response: flag.path({ description: 'to a repository elsewhere: its repository_response (RFC 8183)' }),
    'activate-after': flag.duration({
      min: 300,
      description: 'let tick activate the new keys this long after they are staged',
      exclusive: ['abandon-old'],
    }),
    'abandon-old': flag.boolean({
      description: 'the old repository is gone: send it nothing and do not wait; needs --reason',
    }),
    cancel: flag.boolean({
      description: 'take the open migration back: the CA stays in the old repository',
      exclusive: ['local', 'response', 'activate-after', 'abandon-old'],
    }),
    ...permissionFlags,
  }

  static override needs = [
    {
      code: 'repo-where',
      oneOf: {
        local: 'for the publication server of this data directory',
        response: 'for one elsewhere',
        'abandon-old': 'to give up the old one of an open migration',
        cancel: 'to take an open migration back',
      },
    },
    {
      code: 'reason-required',
      oneOf: { reason: '' },
      with: 'abandon-old',
      message: '--abandon-old needs --reason TEXT',
    },
  ]

  protected override async execute(): Promise<Migrated> {
    const { args, flags } = await this.parse(RepoMigrate)
    const { response, local } = flags
    const to: Migration['to'] =
      response === undefined
        ? local
          ? 'local'
          : 'none'
        : { response: readOctets(response), permissions: permissionsOf(flags) }
    const activateAfter = flags['activate-after'] ?? null
    const migration = { to, activateAfter, abandonsOld: flags['abandon-old'] === true, cancels: flags.cancel === true }
    const session = await openSession(this.context(flags))
    return migrateRepository(session, args.ca, migration, { dryRun: flags['dry-run'] })
  }

  protected override view(report: Migrated, theme: Theme): string {
    const { ca, repository, leaving, rolls, retired, id, formerId = null, otherIds = [] } = report
    const ending = changeEnding(ca, report, [`publishes at ${repository?.base ?? '-'}`])
    const notes =
      id === undefined ? [] : idChoiceLines({ ca, id, formerId, otherIds }, 'the repository', '--repository')
    return [
      changedView(report.changes, ending, theme),
      ...notes.map(theme.paste),
      ...(leaving === null ? [] : [`leaves ${leaving.base}: ${leavingText(leaving)}`]),
      ...rollLines(rolls, retired),
    ].join('\n')
  }
}
