/** Parents and the repository of a CA in this data directory: the child's side of `child add`. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { heldResources } from '../../ca/children.js'
import { dueTimes } from '../../ca/publishing.js'
import type { Repository } from '../../ca/state.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import { caState, knownCa, runCa } from '../transaction/context.js'
import { type Outcome, outcomeOf } from '../transaction/outcome.js'
import type { Session } from '../transaction/session.js'
import { transact } from '../transaction/transact.js'
import { localParent, useLocalRepository } from './cas.js'
import { childrenOf } from './children.js'
import { syncResources } from './resource-sync.js'

export interface ParentReport extends Outcome {
  readonly ca: Handle
  readonly parent: Handle
  readonly resources: ResourceText
}

/** A CA or the trust anchor of this data directory becomes a parent; the certificate is asked for at once. */
export async function addLocalParent(
  session: Session,
  handle: Handle,
  parent: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<ParentReport> {
  const done = await transact(
    session,
    async (tx) => {
      knownCa(tx.work, handle)
      const aggregate = localParent(tx, parent)
      if (!Object.hasOwn(childrenOf(tx, parent), handle)) {
        throw new AppError('rejected', 'child-unknown', `${parent} has no child ${handle}`, {
          hint: `brine child add ${parent} ${handle} --local --resources … comes first`,
        })
      }
      await runCa(tx, handle, {
        type: 'parent.add',
        parent,
        contact: { transport: 'local', aggregate, childName: handle },
      })
      await syncResources(tx, handle)
      return caState(tx.work, handle)
    },
    options,
  )
  const due = dueTimes(done.result, session.timing)?.due ?? null
  return {
    ca: handle,
    parent,
    resources: toResourceText(heldResources(done.result)),
    ...outcomeOf(done, 'ca', handle, due, options.dryRun),
  }
}

export interface RepositoryReport extends Outcome {
  readonly ca: Handle
  readonly repository: Repository | null
}

/** The publication server of this data directory becomes the repository; certificates that waited for one are asked for. Again is a no-op. */
export async function configureLocalRepository(
  session: Session,
  handle: Handle,
  options: { readonly dryRun?: boolean } = {},
): Promise<RepositoryReport> {
  const done = await transact(
    session,
    async (tx) => {
      knownCa(tx.work, handle)
      await useLocalRepository(tx, handle)
      await syncResources(tx, handle)
      return caState(tx.work, handle)
    },
    options,
  )
  const due = dueTimes(done.result, session.timing)?.due ?? null
  return { ca: handle, repository: done.result.repository, ...outcomeOf(done, 'ca', handle, due, options.dryRun) }
}
