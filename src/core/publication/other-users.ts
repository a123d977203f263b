/** Rights of users besides the owner on a file or folder, by its mode and the members of its group. */
import { readFileSync, type Stats } from 'node:fs'

/** Formats the permissions of a mode in octal: `700`. */
export function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, '0')
}

/** Returns true if another user may pass through the folder: every one, or those of a group that has a member besides the owner. */
export function canPass(stat: Pick<Stats, 'mode' | 'uid' | 'gid'>): boolean {
  if ((stat.mode & 0o001) !== 0) return true
  return (stat.mode & 0o010) !== 0 && hasOtherMember(stat.gid, stat.uid)
}

/** Returns true if `/etc/group` or `/etc/passwd` lists a member of the group with another user id than `uid`. */
function hasOtherMember(gid: number, uid: number): boolean {
  const users = linesOf('/etc/passwd')
  if (users.some((user) => Number(user[3]) === gid && Number(user[2]) !== uid)) return true
  const members = linesOf('/etc/group').find((group) => Number(group[2]) === gid)?.[3] ?? ''
  return members.split(',').some((name) => {
    const user = users.find((candidate) => candidate[0] === name)
    return name !== '' && Number(user?.[2]) !== uid
  })
}

function linesOf(path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(':'))
  } catch {
    return []
  }
}
