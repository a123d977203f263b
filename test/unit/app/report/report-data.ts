/** Parts of a report with nothing in them, for tests to fill. */
import type { ReportCa, ReportData } from '../../../../src/core/app/report/data.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { NO_RESOURCES } from '../../../../src/core/resources/resource-set.js'
import { parseResources } from '../../../../src/core/resources/resource-text.js'

export const NOW = '2026-11-21T12:00:00Z' as Instant

export function caOf(handle: string, facts: Partial<ReportCa> = {}): ReportCa {
  return {
    ...{ id: `ca/${handle}`, handle, isTa: false, parents: [], parentsElsewhere: [], childrenElsewhere: 0 },
    ...{ held: NO_RESOURCES, covered: NO_RESOURCES, roas: 0, aspas: 0, objects: 0 },
    ...facts,
  }
}

export function holding(handle: string, held: string, covered = 'none'): ReportCa {
  return caOf(handle, { held: parseResources(held), covered: parseResources(covered) })
}

/** Facts of a status that a page shows. */
type ShownStatus = Pick<
  ReportData['status'],
  'verdict' | 'concerns' | 'dataDir' | 'role' | 'now' | 'lastTick' | 'nextDue' | 'staleAt' | 'publication'
>

export function dataOf(facts: Partial<ReportData> = {}, status: Partial<ShownStatus> = {}): ReportData {
  const shown: ShownStatus = {
    ...{ verdict: 'ok', concerns: [], dataDir: '/srv/brine', role: 'primary', now: NOW },
    ...{ lastTick: null, nextDue: null, staleAt: null, publication: null },
    ...status,
  }
  return {
    ...{ version: '0.0.0', status: shown as ReportData['status'], cas: [], expiries: [], roas: [], ha: [] },
    ...{ commands: [], total: 0, historyProblem: null },
    ...facts,
  }
}
