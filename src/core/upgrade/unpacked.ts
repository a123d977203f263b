/** Migrates, in place, a tree that was unpacked from a backup or a copy and is not in use yet. The old tree is not kept. */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { type AnyMarker, type Marker, readMarker } from '../store/directory/data-dir.js'
import { makeDir, moveFile } from '../store/disk/fs.js'
import { layoutOf } from '../store/disk/paths.js'
import { encodeRecord } from '../store/disk/records.js'
import { replaceFile } from '../store/disk/write-file.js'
import { FOLDERS, type StepTools } from './step.js'
import { stepsFrom } from './steps.js'
import { dropTree } from './work-tree.js'

/** Migrates `dir` to the present format and returns its marker, which is written. Syncs nothing. Throws `corrupt`, `io`. */
export function migrateUnpacked(dir: string, older: AnyMarker, tools: StepTools): Marker {
  const { marker } = layoutOf(dir)
  replaceFile(marker, encodeRecord(older), { sync: false })
  for (const step of stepsFrom(older.format)) {
    const target = join(dir, `upgrade-${step.from}-${step.to}`)
    makeDir(target)
    step.migrate(dir, target, tools)
    for (const name of FOLDERS) {
      dropTree(join(dir, name))
      moveFile(join(target, name), join(dir, name))
    }
    fs.renameSync(layoutOf(target).marker, marker)
    dropTree(target)
  }
  return readMarker(dir)
}
