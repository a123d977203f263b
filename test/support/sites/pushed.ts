/** Targets of `pubserver push` as a validator sees them: complete, or what is wrong. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { readNotification } from '../../../src/core/protocols/read-notification.js'

/** Every file below a folder with its content, by its relative path. */
export function filesOf(folder: string): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('base64')]),
  )
}

/** The tree that rsync serves. */
export function rsyncFiles(target: string): ReadonlyMap<string, string> {
  return filesOf(join(target, 'rsync', readlinkSync(join(target, 'rsync', 'current'))))
}

/** The serial that the notification of a target says. Throws where a file that it lists is missing or differs from its hash. */
export function wholeSerial(target: string, rrdpBase: string): number {
  const said = readNotification(readFileSync(join(target, 'rrdp', 'notification.xml')))
  if (said === undefined) throw new Error(`${target}: no notification`)
  for (const { uri, sha256 } of [said.snapshot, ...said.deltas]) {
    const bytes = readFileSync(join(target, 'rrdp', uri.slice(rrdpBase.length)))
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new Error(`${target}: ${uri} differs`)
  }
  return said.serial
}
