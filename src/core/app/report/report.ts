/** `report`: the state of a data directory as one HTML page. */
import type { Session } from '../session/session.js'
import type { Verdict } from '../status/verdict.js'
import { readReport } from './data.js'
import { reportPage } from './page.js'

export interface ReportResult {
  readonly verdict: Verdict
  readonly cas: number
  readonly findings: number
  /** Size of the page. */
  readonly bytes: number
  readonly file: string
}

/** Returns the page, and the facts that the command reports about it. A pure read. */
export async function makeReport(
  session: Session,
  version: string,
): Promise<{ readonly page: string; readonly result: Omit<ReportResult, 'file'> }> {
  const data = await readReport(session, version)
  const page = reportPage(data)
  const { verdict, concerns } = data.status
  const cas = data.cas.filter(({ isTa }) => !isTa).length
  return { page, result: { verdict, cas, findings: concerns.length, bytes: Buffer.byteLength(page) } }
}
