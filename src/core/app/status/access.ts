/** Facts of `status` about access: files of the published tree that the server's user cannot read, and rights of other users in the data directory. */
import { accessFindings } from '../../audit/access.js'
import { closedFolders, wrongModes } from '../../publication/served-modes.js'
import type { Session } from '../session/session.js'
import type { StatusFacts } from './verdict.js'

/** Returns the facts; those about the published tree for a primary only. */
export function accessFacts(session: Session, isPrimary: boolean): Pick<StatusFacts, 'unreadable' | 'exposed'> {
  const { dir, marker } = session.store
  return {
    unreadable: isPrimary ? unreadable(session.repoDir, marker.test === true) : [],
    exposed: accessFindings(dir, 'quick').map((found) => ({ ...found, path: `${dir}/${found.path}` })),
  }
}

function unreadable(repoDir: string, isTest: boolean): StatusFacts['unreadable'] {
  // a test directory is not served
  const closed = (isTest ? [] : closedFolders(repoDir)).map(({ path, mode }) => ({
    path,
    problem: `closes the published tree to the user of the web server and the rsync daemon (mode ${mode})`,
    remedy: 'chmod o+x PATH, or make that user a member of its group',
  }))
  const wrong = [...wrongModes(repoDir)].map(({ path, problem }) => ({
    path: path === '' ? repoDir : `${repoDir}/${path}`,
    problem,
    remedy: 'brine tick',
  }))
  return [...closed, ...wrong]
}
