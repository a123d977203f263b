/** Checks of the data directory and its file systems, without opening it: they work on a damaged directory too. */
import { join } from 'node:path'
import { accessFindings } from '../../audit/access.js'
import { callerUmask, folderFacts, freeSpace, type TreeSize, treeSize } from '../../audit/host-survey.js'
import { isOnNetwork } from '../../audit/survey.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import { formatLockOwner, isOwnerDead, readLockOwner } from '../../store/directory/lock-owner.js'
import { layoutOf } from '../../store/disk/paths.js'
import { type DoctorCheck, fault, ok, warning } from './check.js'

/** Checks that this user can use the folder, and that it is on a local disk. */
export function directoryChecks(dir: string, uid: number | undefined): readonly DoctorCheck[] {
  const facts = folderFacts(dir)
  if (typeof facts === 'string') {
    const user = uid === undefined ? 'this user' : `uid ${uid}`
    const problem = facts === 'EACCES' || facts === 'EPERM' ? `${user} has no access to a folder above it` : facts
    return [
      fault('directory', 'directory-closed', `${dir}: ${problem}`, 'run doctor as the owner of the data directory'),
    ]
  }
  const found: DoctorCheck[] = []
  const owner = uid !== undefined && uid !== facts.uid ? ` (uid ${uid} is not its owner, uid ${facts.uid})` : ''
  const remedy = owner === '' ? `chmod u+rwx ${dir}` : `run as the owner: sudo -u '#${facts.uid}' brine doctor`
  if (!facts.canRead) found.push(fault('directory', 'directory-closed', `${dir} cannot be read${owner}`, remedy))
  else if (!facts.canWrite)
    found.push(fault('directory', 'directory-read-only', `${dir} cannot be written${owner}`, remedy))
  else if (owner !== '') found.push(fault('directory', 'directory-foreign', `${dir}: another owner${owner}`, remedy))
  if (isOnNetwork(dir))
    found.push(
      warning(
        'directory',
        'directory-remote',
        `${dir} is on a network file system`,
        'move it to a local disk: locks and syncs of a server are not reliable',
      ),
    )
  if (found.length > 0) return found
  const umask = callerUmask()
  const mask =
    umask === undefined ? '' : `; the umask ${umask} of the caller has no effect: brine sets the mode of each file`
  return [
    ok('directory', `${dir}: readable and writable, owned by uid ${facts.uid}, mode ${facts.mode.toString(8)}${mask}`),
  ]
}

/** Checks modes and owners of every file, the published tree excepted. */
export function permissionChecks(dir: string): readonly DoctorCheck[] {
  const found = accessFindings(dir, 'full')
  const remedies = [...new Set(found.map(({ remedy }) => remedy))]
  if (remedies.length === 0) return [ok('permissions', 'no file can be written, and no key read, by another user')]
  return remedies.map((remedy) => {
    const [first, ...more] = found.filter((one) => one.remedy === remedy)
    const path = join(dir, first?.path ?? '')
    const others = more.length === 0 ? '' : `, and ${more.length} more`
    return fault('permissions', 'exposed', `${path} ${first?.problem}${others}`, remedy.replace('PATH', path))
  })
}

/** Checks who holds the write lock. */
export function lockChecks(dir: string, now: Instant): readonly DoctorCheck[] {
  const owner = readLockOwner(layoutOf(dir).lockOwnerFile)
  if (owner === undefined) return [ok('lock', 'free')]
  const who = formatLockOwner(owner)
  if (isOwnerDead(owner))
    return [ok('lock', `free: ${who} has ended without removing it; the next command takes it over`)]
  const seconds = secondsBetween(owner.since as Instant, now)
  if (seconds <= LONG_HELD || owner.long === true) return [ok('lock', `held by ${who}`)]
  return [
    warning(
      'lock',
      'lock-held',
      `held for ${Math.floor(seconds / 60)} minutes by ${who}`,
      `look at that process: ps -fp ${owner.pid}`,
    ),
  ]
}

/** Seconds after which a command that did not announce it is questioned. */
const LONG_HELD = 900

export interface DiskFacts {
  readonly path: string
  readonly free: { readonly bytes: number; readonly inodes: number; readonly inodesTotal: number | null }
  /** Size of what the next larger step writes: another rsync tree with its RRDP snapshot, or a backup. */
  readonly need: TreeSize
  readonly what: string
}

/** Returns the space on the file systems of the data directory and of the published tree. */
export function diskFacts(dir: string, repoDir: string): readonly DiskFacts[] {
  const repo = repoDir === '' ? join(dir, 'repo') : repoDir
  const tree = treeSize(join(repo, 'rsync', 'current'))
  const history = treeSize(dir, (path) => path === repo)
  // files of an rsync tree are links to those of the tree before, and the snapshot has base64
  const publication = { files: 2 * tree.files, bytes: 3 * tree.bytes }
  return [
    { path: dir, need: history, what: 'a backup beside it' },
    { path: repo, need: publication, what: 'a whole publication' },
  ].flatMap((one) => {
    const free = freeSpace(one.path)
    return free === undefined ? [] : [{ ...one, free }]
  })
}

const MIB = 1024 * 1024

/** Checks the space. `status` reports a disk that is almost full; this adds what the next larger steps need. Pure. */
export function diskChecks(facts: readonly DiskFacts[]): readonly DoctorCheck[] {
  const found = facts.flatMap(({ path, free, need, what }): readonly DoctorCheck[] => {
    const checks: DoctorCheck[] = []
    const mib = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`
    const full = free.bytes < 4 * MIB
    if (full)
      checks.push(
        fault('disk', 'disk-full', `${path}: ${mib(free.bytes)} free`, 'free some space: nothing can be published'),
      )
    else if (free.bytes < need.bytes)
      checks.push(
        warning(
          'disk',
          'disk-small',
          `${path}: ${mib(free.bytes)} free, and ${what} takes up to ${mib(need.bytes)}`,
          'brine clean --dry-run, or a larger disk',
        ),
      )
    if (free.inodesTotal !== null && free.inodes < Math.max(1000, need.files)) {
      const level = free.inodes < 100 ? fault : warning
      checks.push(
        level(
          'disk',
          'inodes-few',
          `${path}: ${free.inodes} inodes free, and ${what} takes up to ${need.files}`,
          'brine archive, brine clean --dry-run, or a file system with more inodes',
        ),
      )
    }
    return checks
  })
  if (found.length > 0) return found
  const shown = facts.map(({ path, free }) => `${path}: ${Math.floor(free.bytes / MIB)} MiB free`)
  return [ok('disk', [...new Set(shown)].join('; '))]
}
