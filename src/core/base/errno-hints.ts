/** Hints for errors of the operating system, by errno: causes that are neither a damaged disk nor a matter of permissions of one path. */

const LINKS =
  'a data directory needs a file system with hard links (not FAT, exFAT or some network shares): move it to another one'

const HINTS: Readonly<Record<string, string>> = {
  EDQUOT: 'the disk quota of this user is used up: free some space or raise the quota, and run the command again',
  EMFILE: 'raise the limit of open files (ulimit -n, or LimitNOFILE= of systemd) and run the command again',
  ENFILE: 'the system has too many open files: end some processes, or raise fs.file-max',
  EAGAIN: 'raise the limit of processes (ulimit -u, or TasksMax= of systemd) and run the command again',
  ENOMEM: 'free some memory, or raise its limit, and run the command again',
  EFBIG: 'raise the limit of file sizes (ulimit -f, or LimitFSIZE= of systemd) and run the command again',
  ENOTDIR: 'a file is in the place of a folder on this path: inspect it and move it away',
  EISDIR: 'a folder is in the place of this file: inspect it and move it away',
  ELOOP: 'symbolic links on this path form a loop: correct them',
  ENAMETOOLONG: 'use a shorter path: a name may have 255 bytes, and a path 4096',
  ENOENT: 'a folder on this path is missing: check that its volume is mounted and that nothing removed it',
  ESTALE: 'the network file system has lost this path: mount it again',
  EXDEV: 'the folders of a data directory must be on one file system, repo_dir and an archive aside',
  EBUSY: 'another program uses this path: end it, and run the command again',
  ETXTBSY: 'another program uses this path: end it, and run the command again',
}

/** Errnos of a link(2) that the file system does not support. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']

/** Returns the hint for a failed operation; undefined where the errno says too little. */
export function hintOfErrno(errno: string, operation?: string): string | undefined {
  return isLinkRefused(errno, operation) ? LINKS : HINTS[errno]
}

/** Returns true if a hard link failed because the file system does not support it. link(2) reports that as EPERM. */
export function isLinkRefused(errno: string, operation: string | undefined): boolean {
  return operation === 'link' && NO_LINKS.includes(errno)
}

/** Text and hint for a full disk that has bytes but no inodes left. */
export const NO_INODES = {
  text: ', no inodes free (each file and folder needs one)',
  hint: 'remove files that are not needed (df -i shows the inodes; brine clean --dry-run), or enlarge the file system, and run the command again',
}
