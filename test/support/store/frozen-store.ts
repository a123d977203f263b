/** Frozen data directories of older formats (`test/golden/store`), copied out with the modes that a data directory has. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../../../src/core/app/proof/digest.js'
import type { Instant } from '../../../src/core/base/time.js'
import { thisInstallation, writeInstallationId } from '../../../src/core/store/directory/installation-id.js'

export const frozenDir = join(import.meta.dirname, '../../golden/store')

/** What a migration must make of it. */
export interface Expected extends Digest {
  readonly aggregates: readonly {
    readonly kind: string
    readonly handle: string
    readonly version: number
    readonly commands: number
  }[]
}

export function expectedOf(format: number): Expected {
  return JSON.parse(readFileSync(join(frozenDir, `format-${format}.expected.json`), 'utf8')) as Expected
}

/** A data directory of that format at `into`, made by `init --test`; `live`: one that takes the real clock, the primary unless it is copied. */
export function thawStore(format: number, into: string, live = false): string {
  cpSync(join(frozenDir, `format-${format}`), into, { recursive: true })
  mkdirSync(join(into, 'status'), { recursive: true })
  setModes(into)
  chmodSync(into, 0o711)
  if (!live) return into
  const path = join(into, 'brine.json')
  const { test: _, ...marker } = JSON.parse(readFileSync(path, 'utf8')) as { test?: true; generation: number }
  writeFileSync(path, `${JSON.stringify(marker)}\n`)
  writeInstallationId(into, thisInstallation(into, marker.generation, '2026-11-21T12:00:00Z' as Instant))
  return into
}

function setModes(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) setModes(path)
    else chmodSync(path, /\/objects\/[0-9a-f]{64}$/.test(path) ? 0o644 : 0o600)
  }
}

/** Every file of a tree with its content, as text: two trees are the same when these are. */
export function contentsOf(dir: string, leaveOut: RegExp = /^$/): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((name) => !leaveOut.test(name))
    .sort()
    .map((name) => `${name} ${readFileSync(join(dir, name)).toString('base64')}`)
}
