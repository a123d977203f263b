/** `brine export`: writes the configuration of CAs as desired state. */
import { type Exported, exportState } from '../core/app/desired-state/export.js'
import { assertNotExists, writeDocument } from '../core/app/operations/user-files.js'
import { openSession } from '../core/app/session/session.js'
import { BaseCommand } from '../core/cli/base-command.js'
import { archiveFlags, arg, flag } from '../core/cli/flags/flags.js'
import { counted } from '../core/cli/output/endings.js'
import { formatJson } from '../core/cli/output/json.js'

export default class Export extends BaseCommand<Exported['document']> {
  static override summary = 'write the CAs of the data directory as desired state'
  static override description =
    'Writes parents in this data directory with the resources that they give, children elsewhere, ROAs and ASPAs, in a stable order and one a line, for review in a version control system. `brine plan` compares such a file with a data directory, `brine apply` puts it into effect; right after the export there is no difference. With --at, as it was at that time, replayed from history: piped to `brine plan`, it shows what leads back, and brine apply makes it so as an ordinary reviewed change. Keys, certificates, parents and repositories elsewhere are no part of it: it is no backup.'
  static override exitStatus = {
    1: 'unknown CA, or the history of that time is archived elsewhere',
    2: 'the time is after the present, or before the first commit',
    12: 'a CA, or its history, is damaged',
  }
  static override examples = [
    '<%= config.bin %> export > state.toml',
    '<%= config.bin %> export acme branch --format json --out state.json',
    '<%= config.bin %> export | <%= config.bin %> plan -',
    '<%= config.bin %> export --at 2026-11-21T14:00:00Z | <%= config.bin %> plan -',
  ]
  static override args = { ca: arg.handle({ multiple: true, description: 'the CAs; default: all' }) }
  static override flags = {
    format: flag.choice(['toml', 'json'], { description: 'format of the file; default: toml' }),
    at: flag.moment({ description: 'as of this time: RFC 3339, or 7d for seven days ago' }),
    ...archiveFlags,
    out: flag.path({ description: 'write to a new file, mode 0600' }),
  }

  #text = ''

  protected override async execute(): Promise<Exported['document']> {
    const { args, flags } = await this.parse(Export)
    assertNotExists(flags.out)
    const session = await openSession({ ...this.context(flags), archives: flags.archive ?? [] })
    const { document, toml } = await exportState(session, args.ca ?? [], flags.at)
    const text = flags.format === 'json' ? formatJson(document) : toml()
    if (flags.out !== undefined) writeDocument(flags.out, text)
    this.#text =
      flags.out === undefined ? text.trimEnd() : `written to ${flags.out}: ${counted(document.cas.length, 'CA')}`
    return document
  }

  protected override view(): string {
    return this.#text
  }
}
