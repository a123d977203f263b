/** Facts of `status` about access: files of the published tree that the server's user cannot read, and rights of other users in the data directory. */
import { accessFindings } from '../../audit/access.js'
import { closedFolders, type WrongMode, wrongModes } from '../../publication/served-modes.js'
import type { Session } from '../session/session.js'
import type { StatusFacts } from './verdict.js'

/** Findings about access to files. `areModesRight`: all of the published tree has the modes that it needs. */
export interface AccessFacts extends Pick<StatusFacts, 'unreadable' | 'exposed'> {
  readonly areModesRight: boolean
}

/** Returns the facts; `unreadable`, about the published tree, for a primary only. */
export function accessFacts(session: Session, isPrimary: boolean): AccessFacts {
  const { dir, marker } = session.store
  const wrong = [...wrongModes(session.repoDir)]
  return {
    areModesRight: wrong.length === 0,
    unreadable: isPrimary ? unreadable(session.repoDir, wrong, marker.test === true) : [],
    exposed: accessFindings(dir, 'quick').map((found) => ({ ...found, path: `${dir}/${found.path}` })),
  }
}

function unreadable(repoDir: string, modes: readonly WrongMode[], isTest: boolean): StatusFacts['unreadable'] {
  // a test directory is not served
  const closed = (isTest ? [] : closedFolders(repoDir)).map(({ path, mode }) => ({
    path,
    problem: `closes the published tree to the user of the web server and the rsync daemon (mode ${mode})`,
    remedy: 'chmod o+x PATH, or make that user a member of its group',
  }))
  const wrong = modes.map(({ path, problem }) => ({
    path: path === '' ? repoDir : `${repoDir}/${path}`,
    problem,
    remedy: 'brine tick',
  }))
  return [...closed, ...wrong]
}
