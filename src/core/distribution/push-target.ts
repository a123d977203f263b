/** Targets of a push: a folder, or what rsync(1) writes to over ssh or to a daemon. */
import fs from 'node:fs'
import { isAbsolute, normalize } from 'node:path'
import { AppError } from '../base/errors.js'
import { quoted } from '../base/text.js'

export interface PushTarget {
  /** As the user wrote it, without a final slash: its name in reports. */
  readonly text: string
  readonly kind: 'folder' | 'ssh' | 'daemon'
}

const HOST = String.raw`(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])`
const USER = '(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?'
const SSH = new RegExp(`^${USER}${HOST}:/(?!/)[^\\0\\n]*$`)
const DAEMON = new RegExp(
  `^(?:${USER}${HOST}::[A-Za-z0-9_.-]+|rsync://${USER}${HOST}(?::\\d+)?/[A-Za-z0-9_.-]+)(?:/[^\\0\\n]*)?$`,
)

/** Parses a target. Throws `push-target-invalid` (usage). */
export function parseTarget(given: string): PushTarget {
  const text = given.length > 1 ? given.replace(/\/+$/, '') : given
  if (isAbsolute(text) && text !== '/' && !/[\0\n]/.test(text)) return { text: normalize(text), kind: 'folder' }
  if (!text.startsWith('-') && DAEMON.test(text)) return { text, kind: 'daemon' }
  if (!text.startsWith('-') && SSH.test(given)) return { text, kind: 'ssh' }
  throw new AppError('usage', 'push-target-invalid', `${quoted(given, 200)} is not a target`, {
    hint: 'an absolute path, USER@HOST:/PATH (ssh), HOST::MODULE/PATH or rsync://HOST/MODULE/PATH (rsync daemon)',
  })
}

/** Returns the rsync destination of a path below a target. */
export function below({ text }: PushTarget, path: string): string {
  return `${text}/${path}`
}

/** Returns true if a target is a folder in one of `own`, or around one. */
export function isWithinOwn({ text, kind }: PushTarget, own: readonly string[]): boolean {
  if (kind !== 'folder') return false
  const isWithin = (a: string, b: string): boolean => `${a}/`.startsWith(`${b}/`)
  const real = realPath(text)
  return own.map(realPath).some((one) => isWithin(real, one) || isWithin(one, real))
}

function realPath(path: string): string {
  try {
    return fs.realpathSync(path)
  } catch {
    return path
  }
}
