/** Reads the published rsync tree as a relying party does: `current` resolved once, every object decoded, with the problems at an instant. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import type { Instant } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import type { ManifestContent } from '../../../src/core/rpki/manifest.js'
import { decodeManifest } from '../../../src/core/rpki/manifest.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'

interface ServedFile {
  /** Path below the rsync base. */
  readonly path: string
  readonly sha256: string
  /** Validity of the certificate, the EE certificate or the CRL. */
  readonly from: Instant
  readonly until: Instant
  readonly manifest: ManifestContent | undefined
}

export type ServedTree = readonly ServedFile[]

const known = new Map<string, Pick<ServedFile, 'from' | 'until' | 'manifest'>>()

/** Returns every object of the tree that `current` points at, sorted by path. Throws where one does not decode. */
export function readServedTree(repoDir: string): ServedTree {
  const root = realpathSync(join(repoDir, 'rsync', 'current'))
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => readServedFile(relative(root, file), readFileSync(file)))
}

function readServedFile(path: string, bytes: Uint8Array): ServedFile {
  const sha256 = sha256Hex(bytes)
  const read = known.get(sha256) ?? decode(path, bytes)
  known.set(sha256, read)
  return { path, sha256, ...read }
}

function decode(path: string, bytes: Uint8Array): Pick<ServedFile, 'from' | 'until' | 'manifest'> {
  if (path.endsWith('.cer')) {
    const { notBefore, notAfter } = must(path, decodeCertificate(bytes).content)
    return { from: notBefore, until: notAfter, manifest: undefined }
  }
  if (path.endsWith('.crl')) {
    const { thisUpdate, nextUpdate } = must(path, decodeCrl(bytes).content)
    return { from: thisUpdate, until: nextUpdate, manifest: undefined }
  }
  const { ee, eContent } = must(path, decodeSignedObject(bytes).content)
  const manifest = path.endsWith('.mft') ? must(path, decodeManifest(eContent).content) : undefined
  return { from: ee.notBefore, until: ee.notAfter, manifest }
}

function must<T>(path: string, content: T | undefined): T {
  if (content === undefined) throw new Error(`${path} does not decode`)
  return content
}

/** Returns the manifests by path. */
export function manifestsOf(tree: ServedTree): ReadonlyMap<string, ManifestContent> {
  return new Map(tree.flatMap((file) => (file.manifest === undefined ? [] : [[file.path, file.manifest]])))
}

/** Returns the earliest end of validity in the tree. */
export function firstEnd(tree: ServedTree): Instant {
  const [first] = tree.flatMap((f) => [f.until, ...(f.manifest === undefined ? [] : [f.manifest.nextUpdate])]).sort()
  if (first === undefined) throw new Error('nothing is served')
  return first
}

/** Returns the problems that a relying party finds at `at`: stale or future objects, files that differ from their manifest, files on no manifest. */
export function complaints(tree: ServedTree, at: Instant): readonly string[] {
  const faults: string[] = []
  const files = new Map(tree.map((file) => [file.path, file]))
  const listed = new Set<string>()
  for (const { path, from, until, manifest } of tree) {
    if (from > at) faults.push(`${path} is of the future: ${from}`)
    if (until < at) faults.push(`${path} ended at ${until}`)
    if (manifest === undefined) continue
    listed.add(path)
    if (manifest.thisUpdate > at) faults.push(`${path}: thisUpdate ${manifest.thisUpdate} is of the future`)
    if (manifest.nextUpdate < at) faults.push(`${path} is stale since ${manifest.nextUpdate}`)
    for (const { name, sha256 } of manifest.files) {
      const named = join(dirname(path), name)
      listed.add(named)
      const there = files.get(named)?.sha256
      if (there !== Buffer.from(sha256).toString('hex'))
        faults.push(`${basename(path)}: ${name} is ${there === undefined ? 'not there' : 'another'}`)
    }
  }
  for (const { path } of tree) if (!listed.has(path)) faults.push(`${path} is in no manifest`)
  return faults
}
