/** `brine ca show`: shows one CA with its classes, keys, parents and children. */
import { type CaShowReport, showCa } from '../../core/app/authority/ca-reports.js'
import { resourceLine } from '../../core/app/authority/children.js'
import { openSession } from '../../core/app/session/session.js'
import { BaseCommand } from '../../core/cli/base-command.js'
import { arg } from '../../core/cli/flags/flags.js'
import { counted } from '../../core/cli/output/endings.js'
import type { Theme } from '../../core/cli/output/theme.js'
import { leavingText } from '../../core/cli/peer-views/repositories.js'

export default class CaShow extends BaseCommand<CaShowReport> {
  static override summary = 'show a CA'
  static override examples = ['<%= config.bin %> ca show acme']
  static override args = { ca: arg.handle({ required: true, description: 'the CA' }) }

  protected override async execute(): Promise<CaShowReport> {
    const { args, flags } = await this.parse(CaShow)
    return showCa(await openSession(this.context(flags)), args.ca)
  }

  protected override view(report: CaShowReport, theme: Theme): string {
    const lines = [
      `${theme.bold(report.handle)}  ${countsOf(report)}`,
      `holds       ${resourceLine(report.resources) || 'nothing'}`,
      `repository  ${report.repository?.base ?? 'none'}`,
      ...(report.leaving === null ? [] : [`leaves      ${report.leaving.base}: ${leavingText(report.leaving)}`]),
      ...report.parents.map((p) => `parent      ${parentText(p)}`),
      ...report.children.map((c) => `child       ${c.name}  ${resourceLine(c.resources)}`),
    ]
    const keys = report.classes.flatMap((c) => c.keys.map((k) => ({ ...k, class: c.name, parent: c.parent })))
    const table = theme.table({
      columns: [
        'CLASS',
        { title: 'PARENT', cut: 'middle' },
        { title: 'KEY', rank: 1 },
        { title: 'STATE', rank: 3 },
        { title: 'MANIFEST', align: 'right' },
        { title: 'STALE AT', rank: 3, cut: 'time' },
        { title: 'CERTIFICATE UNTIL', rank: 3, cut: 'time' },
      ],
      rows: keys.map((k) => [
        k.class,
        k.parent,
        k.ski,
        k.state,
        k.manifestNumber,
        k.nextUpdate ?? '-',
        k.notAfter ?? '-',
      ]),
    })
    return [...lines, table].filter((line) => line !== '').join('\n')
  }
}

function parentText({ name, aggregate, serviceUri, transport, suspended }: CaShowReport['parents'][number]): string {
  const since = suspended === undefined ? '' : `, has suspended this CA since ${suspended}`
  return `${name} (${aggregate ?? serviceUri ?? transport})${since}`
}

function countsOf({ roas, aspas, routers }: CaShowReport): string {
  const more = [
    ...(aspas === 0 ? [] : [counted(aspas, 'ASPA')]),
    ...(routers === 0 ? [] : [counted(routers, 'router key')]),
  ]
  return [`${roas} ROAs`, ...more].join(', ')
}
