/** Base of the commands that change the router keys of a CA, in one transaction. */
import type { RouterUpdateReport } from '../app/authority/routers.js'
import { BaseCommand } from './base-command.js'
import { changeFlags, flag } from './flags/flags.js'
import type { Theme } from './output/theme.js'
import { routersChangedView } from './views/routers.js'

/** Flags of a request. */
export const routerRequestFlags = {
  csr: flag.path({ required: true, description: 'the certificate request, PEM or DER; - reads standard input' }),
  'router-id': flag.text({
    helpValue: 'ID',
    description: 'BGP Identifier of the router, such as 192.0.2.1 (default: the one that the request names)',
  }),
  note: flag.text({ description: 'note shown by router list' }),
}

export abstract class RouterChange extends BaseCommand<RouterUpdateReport> {
  static override flags = { ...changeFlags }

  protected override view(report: RouterUpdateReport, theme: Theme): string {
    return routersChangedView(report, theme)
  }
}
