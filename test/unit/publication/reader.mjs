/** A relying party that never stops reading: node reader.mjs REPO STOPFILE. Prints one JSON line: how often it read, the serials it saw, every fault. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'

const [repo, stop] = process.argv.slice(2)
const sha = (path) => createHash('sha256').update(fs.readFileSync(path)).digest('hex')
const faults = []
const seen = { rsync: new Set(), rrdp: new Set() }
let reads = 0

/** `current` is resolved once, as rsyncd does by changing into it; then every file that the manifest lists must have its hash, and no other may be there. */
function readRsync() {
  const tree = fs.realpathSync(join(repo, 'rsync', 'current'))
  const folder = join(tree, 'acme')
  const manifest = JSON.parse(fs.readFileSync(join(folder, 'list.mft'), 'utf8'))
  for (const [name, hash] of Object.entries(manifest.files))
    if (sha(join(folder, name)) !== hash) throw new Error(`rsync ${manifest.number}: ${name} is not what the manifest says`)
  const names = fs.readdirSync(folder).sort().join()
  const wanted = [...Object.keys(manifest.files), 'list.mft'].sort().join()
  if (names !== wanted) throw new Error(`rsync ${manifest.number}: ${names} instead of ${wanted}`)
  seen.rsync.add(manifest.number)
  if (manifest.number < Math.max(...seen.rsync)) throw new Error(`rsync: manifest ${manifest.number} after ${Math.max(...seen.rsync)}`)
}

function readRrdp() {
  const text = fs.readFileSync(join(repo, 'rrdp', 'notification.xml'), 'utf8')
  const serial = Number(/serial="(\d+)">/.exec(text)[1])
  if (!text.endsWith('</notification>\n')) throw new Error(`rrdp ${serial}: cut`)
  for (const [, uri, hash] of text.matchAll(/uri="https:\/\/[^/]+\/rrdp\/([^"]+)" hash="([0-9a-f]{64})"/g))
    if (sha(join(repo, 'rrdp', uri)) !== hash) throw new Error(`rrdp ${serial}: ${uri} has another hash`)
  seen.rrdp.add(serial)
  if (serial < Math.max(...seen.rrdp)) throw new Error(`rrdp: serial ${serial} after ${Math.max(...seen.rrdp)}`)
}

process.stdout.write('ready\n')
while (faults.length < 5) {
  const last = fs.existsSync(stop)
  for (const read of [readRsync, readRrdp]) {
    try {
      read()
      reads += 1
    } catch (error) {
      faults.push(error.message)
    }
  }
  if (last) break
}
process.stdout.write(`${JSON.stringify({ uid: process.getuid(), reads, rsync: seen.rsync.size, rrdp: seen.rrdp.size, faults })}\n`)
