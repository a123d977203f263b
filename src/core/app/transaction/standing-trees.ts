/** rsync trees that are ready before a change needs them, for `tick`. */
import { Work } from '../../eventsourcing/work.js'
import { areTreesReady, type PreparedTrees, prepareTrees } from '../../publication/standing-trees.js'
import { pubdState } from '../session/context.js'
import { writingPrimary } from '../session/role.js'
import type { Session } from '../session/session.js'
import { lastCommit, publicationTarget } from './publish-tree.js'

/** Prepares trees if the records of the published tree say that some are missing. Throws `locked`, `repository-write` (io), `standby-superseded`. */
export async function prepareStandingTrees(session: Session): Promise<PreparedTrees> {
  if (areTreesReady(session.repoDir, session.now())) return { built: 0, updated: 0 }
  return session.store.write(async (writer) => {
    const work = new Work(writer)
    const primary = writingPrimary(session)
    return prepareTrees({
      ...publicationTarget(session, { work }, pubdState(work)),
      ...(primary === undefined ? {} : { primary: { ...primary, ...lastCommit(session) } }),
      now: session.now(),
    })
  })
}
