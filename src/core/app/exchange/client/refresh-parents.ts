/** Refresh of a CA from each of its parents elsewhere: one that fails does not keep the others from being asked. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { Work } from '../../../eventsourcing/work.js'
import { hostKeyOf } from '../../../peers/host.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { afterChange } from '../../transaction/errors.js'
import type { RefreshOptions } from '../parent/parent-exchange.js'
import type { Deliver } from './deliver.js'
import { parentRowsOf, type RemoteParentRow } from './due-parents.js'
import { type Fault, HostQueues, wasSilent } from './host-queues.js'
import { type RefreshReport, refreshParent } from './refresh-parent.js'

export interface RefreshAllReport {
  readonly ca: Handle
  readonly changed: boolean
  readonly parents: readonly RefreshReport[]
  /** Parents whose list could not be had. */
  readonly failed: readonly { readonly parent: Handle; readonly code: string; readonly message: string }[]
}

/**
 * Refreshes a CA from one parent, or from each that is elsewhere: their hosts in parallel, the parents at one host one after the other. The rows
 * have the order of the parents' names. Throws `ca-unknown`, `parent-none`, and what one refresh throws except `remote` errors, which are reported.
 */
export async function refreshParents(
  session: Session,
  ca: Handle,
  parent: Handle | undefined,
  options: RefreshOptions,
): Promise<RefreshAllReport> {
  const run = new Refreshes(session, ca)
  try {
    if (parent === undefined) await askAll(run, await remoteParents(session, ca), options)
    else await run.ask(parent, options)
  } catch (error) {
    throw run.changed ? afterChange(error) : error
  }
  return run.report()
}

async function askAll(run: Refreshes, rows: readonly RemoteParentRow[], options: RefreshOptions): Promise<void> {
  const queues = new HostQueues()
  const deliver: Deliver = (message) =>
    queues.send(hostKeyOf(message.to.serviceUri), message, () => options.deliver(message))
  for (const { ca, parent, contact, exchange } of rows)
    queues.add(hostKeyOf(contact.contact.serviceUri), {
      ...{ changes: ca, isLast: wasSilent(exchange) },
      run: () => run.ask(parent, { ...options, deliver }),
      onFault: (fault) => run.fail(parent, fault),
    })
  await queues.drained()
}

/** Outcome of the refreshes of one CA. */
class Refreshes {
  readonly #session: Session
  readonly #ca: Handle
  readonly #parents: RefreshReport[] = []
  readonly #failed: RefreshAllReport['failed'][number][] = []
  changed = false

  constructor(session: Session, ca: Handle) {
    this.#session = session
    this.#ca = ca
  }

  /** Refreshes from one parent and keeps the outcome. Throws what is not a failure of the parent. */
  async ask(parent: Handle, options: RefreshOptions): Promise<undefined> {
    try {
      const report = await refreshParent(this.#session, this.#ca, parent, options)
      this.#parents.push(report)
      if (report.changed) this.changed = true
    } catch (error) {
      if (!(error instanceof AppError) || (error.kind !== 'remote' && error.code !== 'peer-host-busy')) throw error
      if (error.changed === 'yes') this.changed = true
      this.fail(parent, error)
    }
  }

  fail(parent: Handle, { code, message }: Fault): void {
    this.#failed.push({ parent, code, message })
  }

  report(): RefreshAllReport {
    const byName = (a: { readonly parent: Handle }, b: { readonly parent: Handle }): number =>
      a.parent < b.parent ? -1 : 1
    return {
      ...{ ca: this.#ca, changed: this.changed },
      parents: this.#parents.sort(byName),
      failed: this.#failed.sort(byName),
    }
  }
}

async function remoteParents(session: Session, ca: Handle): Promise<readonly RemoteParentRow[]> {
  const rows = await session.store.read(async (reader) => {
    const work = new Work(reader)
    knownCa(work, ca)
    return parentRowsOf(session, work, [ca])
  })
  if (rows.length > 0) return rows
  throw new AppError('rejected', 'parent-none', `${ca} has no parent elsewhere`, {
    hint: `brine parent add ${ca} PARENT --response FILE`,
  })
}
