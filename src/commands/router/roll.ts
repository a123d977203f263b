/** `brine router roll`: certifies a new key beside the old one of a BGPsec router, which is removed later. */
import { type RouterUpdateReport, rollRouter } from '../../core/app/authority/routers.js'
import { openSession } from '../../core/app/session/session.js'
import { readRequestFile } from '../../core/cli/flags/enrolment.js'
import { arg, flag } from '../../core/cli/flags/flags.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { RouterChange, routerRequestFlags } from '../../core/cli/router-change.js'
import { routersChangedView } from '../../core/cli/views/routers.js'

export default class RouterRoll extends RouterChange {
  static override summary = 'replace the key of a BGPsec router'
  static override description =
    'Publishes the certificate of the new key beside the old one (RFC 8634). Switch the router once relying parties have it, a day later, and then remove the old key; --remove-after lets tick remove it, not before the new certificate is published.'
  static override examples = [
    '<%= config.bin %> router roll acme ROUTER-0000FBF0-5B68CB8F2F36A6F4E2A0D2F8B4C1B7A1D9E3F605 --csr new.csr',
    '<%= config.bin %> router roll acme 5B68CB8F2F36A6F4E2A0D2F8B4C1B7A1D9E3F605 --csr new.csr --remove-after 7d',
  ]
  static override args = {
    ca: arg.handle({ required: true, description: 'the CA' }),
    router: arg.text({ required: true, description: 'name or key identifier of the old key' }),
  }
  static override flags = {
    ...RouterChange.flags,
    ...routerRequestFlags,
    'remove-after': flag.duration({
      description: 'let tick remove the old key after this time (default: you remove it)',
    }),
  }

  #removesOld = false

  protected override async execute(): Promise<RouterUpdateReport> {
    const { args, flags } = await this.parse(RouterRoll)
    this.#removesOld = flags['remove-after'] !== undefined
    const roll = {
      router: args.router,
      csr: await readRequestFile(flags.csr),
      routerId: flags['router-id'],
      comment: flags.note,
      after: flags['remove-after'] ?? null,
    }
    return rollRouter(await openSession(this.context(flags)), args.ca, roll, { dryRun: flags['dry-run'] })
  }

  protected override view(report: RouterUpdateReport, theme: Theme): string {
    return routersChangedView(report, theme, this.#removesOld)
  }
}
