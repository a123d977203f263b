/** Use cases of `brine parent` and `brine repo configure` with a parent or repository in this data directory: the child's side of `child add`. */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { didYouMean } from '../../base/nearest.js'
import { heldResources } from '../../ca/children.js'
import { dueTimes } from '../../ca/publishing.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { caState, knownCa, runCa } from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'
import { type RepositoryRow, repositoryRow } from './ca-reports.js'
import { localParent, useLocalRepository } from './cas.js'
import { childrenOf } from './children.js'
import { syncResources } from './resource-sync.js'

export interface ParentReport extends Outcome {
  readonly ca: Handle
  readonly parent: Handle
  readonly resources: ResourceText
}

/** Adds a local CA or the trust anchor as a parent, and requests the certificate in the same commit. Throws `ca-unknown`, `child-unknown`. */
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
        throw new AppError(
          'rejected',
          'child-unknown',
          `${parent} has no child ${handle}${didYouMean(handle, Object.keys(childrenOf(tx, parent)))}`,
          {
            hint: `run first: brine child add ${parent} ${handle} --local --resources …`,
          },
        )
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
  readonly repository: RepositoryRow | null
}

/** Configures the local publication server as the repository, and requests the certificates that waited for one. A repetition is a no-op. */
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
  ).catch((error: unknown) => {
    throw withMigrationHint(error, `brine repo migrate ${handle} --local`)
  })
  const due = dueTimes(done.result, session.timing)?.due ?? null
  const repository = repositoryRow(done.result.repository)
  return { ca: handle, repository, ...outcomeOf(done, 'ca', handle, due, options.dryRun) }
}

/** Returns the error of a repository that differs from the present one with the command that moves a CA; any other error as it is. */
export function withMigrationHint(error: unknown, hint: string): unknown {
  return error instanceof AppError && error.code === 'repository-differs' ? rewrap(error, { hint }) : error
}
