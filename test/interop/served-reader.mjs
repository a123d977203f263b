/**
 * A relying party that never stops reading, with nothing of the product in it: node served-reader.mjs REPO RSYNC_URL HTTP_URL MIRROR STOPFILE.
 * Reads the files, the rsync module and the web folder in turn; prints a line for every read, then a report.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { dirname, join, relative } from 'node:path'

const [repo, rsyncUrl, httpUrl, mirror, stop] = process.argv.slice(2)
const hashOf = (bytes) => createHash('sha256').update(bytes).digest('hex')
const report = { uid: process.getuid(), files: new Set(), rsync: new Set(), rrdp: new Set(), reads: 0, faults: [] }

/** Names and hashes in a manifest: IA5String, then BIT STRING of 32 octets, wherever they stand side by side. */
function listedIn(bytes) {
  const listed = new Map()
  for (let at = 0; at + 4 < bytes.length; at++) {
    if (bytes[at] !== 0x16) continue
    const [length, from] = bytes[at + 1] === 0x81 ? [bytes[at + 2], at + 3] : [bytes[at + 1], at + 2]
    const end = from + length
    const name = bytes.toString('latin1', from, end)
    if (bytes.toString('hex', end, end + 3) !== '032100' || !/^[0-9A-Za-z_-]+\.(?:cer|crl|roa)$/.test(name)) continue
    listed.set(name, bytes.toString('hex', end + 3, end + 35))
  }
  return listed
}

/** Every file is a manifest or stands in the manifest beside it with its hash; every name of a manifest is there. Returns what tells versions apart. */
function checkTree(root) {
  const files = fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
  const left = new Map(files.map((file) => [file, fs.readFileSync(file)]))
  const manifests = files.filter((file) => file.endsWith('.mft')).sort()
  if (manifests.length < 2) throw new Error(`${manifests.length} manifests`)
  const version = hashOf(manifests.map((file) => hashOf(left.get(file))).join())
  for (const manifest of manifests) {
    for (const [name, hash] of listedIn(left.get(manifest))) {
      const file = join(dirname(manifest), name)
      const bytes = left.get(file)
      if (bytes === undefined) throw new Error(`${relative(root, file)} is missing`)
      if (hashOf(bytes) !== hash) throw new Error(`${relative(root, file)} is not what the manifest says`)
      left.delete(file)
    }
    left.delete(manifest)
  }
  if (left.size > 0) throw new Error(`in no manifest: ${[...left.keys()].map((file) => relative(root, file))}`)
  return version
}

/** `current` is resolved once, as rsyncd does by changing into it. */
function readFiles() {
  report.files.add(checkTree(fs.realpathSync(join(repo, 'rsync', 'current'))))
}

function readRsync() {
  execFileSync('rsync', ['-rt', '--delete', rsyncUrl, mirror], { stdio: 'pipe' })
  report.rsync.add(checkTree(mirror))
}

async function get(path) {
  const response = await fetch(httpUrl + path)
  if (response.status !== 200) throw new Error(`${path}: status ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}

async function readRrdp() {
  const text = (await get('notification.xml')).toString()
  if (!text.endsWith('</notification>\n')) throw new Error('the notification is cut')
  for (const [, path, hash] of text.matchAll(/uri="https:\/\/[^/]+\/rrdp\/([^"]+)" hash="([0-9a-f]{64})"/g))
    if (hashOf(await get(path)) !== hash) throw new Error(`${path} has another hash`)
  report.rrdp.add(/serial="(\d+)">/.exec(text)[1])
}

process.stdout.write('ready\n')
for (let last = false; !last && report.faults.length < 5; ) {
  last = fs.existsSync(stop)
  for (const read of [readFiles, readRsync, readRrdp]) {
    try {
      await read()
      report.reads += 1
    } catch (error) {
      report.faults.push(`${read.name}: ${error.message}`)
    }
    process.stdout.write('read\n')
  }
}
const { files, rsync, rrdp, ...rest } = report
process.stdout.write(`${JSON.stringify({ ...rest, files: files.size, rsync: rsync.size, rrdp: rrdp.size })}\n`)
