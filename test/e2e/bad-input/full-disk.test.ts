/** A disk with no room: exit 14 with the bytes that are needed, nothing written, reads as ever, and all is well when there is room again. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { brine, scratchDir } from '../../support/processes/cli.js'
import { isSlow, sampleSeed } from '../../support/processes/sample.js'
import { canMount } from '../../support/sites/bad-input-box.js'
import { copySeed } from '../../support/sites/seeds.js'

/** Everything but the lock's place, status and what is growing. */
const DIGEST =
  "find . \\( -path ./status -o -path ./tmp -o -name '.lock*' \\) -prune -o \\( -type f -o -type l -o -type d \\) -print0 | sort -z | " +
  'xargs -0 sh -c \'for f; do if [ -f "$f" ] && [ ! -L "$f" ]; then sha256sum "$f"; else echo "$f"; fi; done\' sh | sha256sum'

const PRELUDE = `
mount -t tmpfs -o size=1m,mode=711 tmpfs "$DISK" || exit 99
brine() { "$NODE" "$RUN" --data-dir "$DISK/d" "$@" </dev/null; }
fill() { cat /dev/zero >"$DISK/fill" 2>/dev/null; truncate -s "-$1" "$DISK/fill"; }
digest() { (cd "$DISK/d" && ${DIGEST}); }
step() { echo "== $1"; shift; "$@" 2>&1; echo "exit $?"; }
cp -a "$SEED/." "$DISK/d"
`

const NOW = '2026-11-21T12:00:00Z'
const { path, remove } = scratchDir()
const seed = join(path, 'seed')

async function makeAcme(dataDir: string): Promise<void> {
  const options = { dataDir, now: NOW }
  await brine(['testbed', 'init', '--test', '--rsync', 'rsync://h/r/', '--rrdp', 'https://h/r/'], options)
  await brine(['ca', 'add', 'acme', '--under', 'testbed', '--resources', 'AS64496,192.0.2.0/24'], options)
}

/** One of them in a run, another one in the next; all of them with SLOW=1. */
const inTurn = (all: readonly number[]): readonly number[] => (isSlow ? all : [all[sampleSeed % all.length] as number])

beforeAll(() => copySeed('full-disk', seed, makeAcme))
afterAll(remove)

/** Runs a script in a mount namespace of its own, with a disk of 1 MB; the output of each step by its name. */
function onSmallDisk(script: string): Readonly<Record<string, string>> {
  const scratch = scratchDir()
  try {
    const disk = join(scratch.path, 'disk')
    mkdirSync(disk)
    const run = join(import.meta.dirname, '../../../bin/run.js')
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: '/',
      BRINE_NOW: NOW,
      DISK: disk,
      SEED: seed,
      NODE: process.execPath,
      RUN: run,
    }
    const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', `${PRELUDE}${script}`], { env, encoding: 'utf8' })
    return Object.fromEntries(
      stdout
        .split(/^== /m)
        .slice(1)
        .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
    )
  } finally {
    scratch.remove()
  }
}

it.for(inTurn([0, 4096, 16_384, 28_672]))('with %i bytes free', (free, context) => {
  if (!canMount()) context.skip('needs root and unshare(1) for a disk of 1 MB')
  const said = onSmallDisk(`
step before digest
fill ${free}
step add brine roa add acme 192.0.2.0/25=AS64496 --json
step after digest
step rejected brine roa add acme 10.0.0.0/8=AS64496 --json
step list brine roa list acme
step cas brine ca list
step tick brine tick
rm "$DISK/fill"
step again brine roa add acme 192.0.2.0/25=AS64496
step published brine roa list acme
`)
  expect(said['add']).toMatch(/"code": "io-no-space"/)
  expect(said['add']).toMatch(/ENOSPC; this change needs \d+ bytes free/)
  expect(said['add']).toMatch(/"changed": "no"[\s\S]*exit 14\n$/)
  expect(said['after']).toBe(said['before'])
  expect(said['rejected']).toMatch(/"code": "roa-not-held"[\s\S]*exit 1\n$/)
  for (const read of ['list', 'cas', 'tick']) expect(said[read], read).toMatch(/exit 0\n$/)
  expect(said['again']).toMatch(/\+1 ROA; published[\s\S]*exit 0\n$/)
  expect(said['published']).toMatch(/192\.0\.2\.0\/25 .* published/)
})

it('a full disk says what the change would need, whole', (context) => {
  if (!canMount()) context.skip('needs root and unshare(1) for a disk of 1 MB')
  const said = onSmallDisk(`
fill 16384
step add brine roa add acme 192.0.2.0/25=AS64496
need=$(brine roa add acme 192.0.2.0/25=AS64496 2>&1 | sed -n 's/.*this change needs \\([0-9]*\\) bytes free.*/\\1/p')
rm "$DISK/fill"
fill $((need + 8192))
step enough brine roa add acme 192.0.2.0/25=AS64496
rm "$DISK/fill"
step tick brine tick
step published brine roa list acme
step served brine republish
`)
  expect(said['add']).toMatch(/needs \d+ bytes free/)
  expect(said['enough']).toMatch(
    /the change is durable, but the published tree is not up to date[\s\S]*changed and durable\nexit 17\n$/,
  )
  expect(said['tick']).toMatch(/exit 0\n$/)
  expect(said['published']).toMatch(/192\.0\.2\.0\/25 .* published/)
  expect(said['served']).toMatch(/nothing due/)
})

it.for(inTurn([0, 4096, 32_768]))(
  'what a command says it needs with %i bytes free is what it needs',
  (free, context) => {
    if (!canMount()) context.skip('needs root and unshare(1) for a disk of 1 MB')
    const said = onSmallDisk(`
needs() { sed -n 's/.* needs \\([0-9]*\\) bytes free.*/\\1/p'; }
fill ${free}
step new brine ca add other --under testbed --resources AS64496
step add brine roa add acme 192.0.2.0/25=AS64496
need=$(brine roa add acme 192.0.2.0/25=AS64496 2>&1 | needs)
rm "$DISK/fill"
fill "$need"
step enough brine roa add acme 192.0.2.0/25=AS64496
lag=$(brine tick 2>&1 | needs)
rm "$DISK/fill"
fill 8192
step short brine tick
rm "$DISK/fill"
fill "$lag"
step tick brine tick
step served brine republish
`)
    expect(said['new']).toMatch(/ENOSPC; this change needs \d{5,6} bytes free\n/)
    expect(said['add']).toMatch(/ENOSPC; this change needs \d{5,6} bytes free\n/)
    expect(said['enough']).toMatch(/the change is durable.* ENOSPC; it needs \d{5,6} bytes free\n[\s\S]*exit 17\n$/)
    expect(said['short']).toMatch(/published tree: ENOSPC; it needs \d+ bytes free[\s\S]*exit 14\n$/)
    expect(said['tick']).toMatch(/exit 0\n$/)
    expect(said['served']).toMatch(/nothing due/)
  },
)

it.for(inTurn([0, 4096, 16_384]))(
  'a backup and a restore with %i bytes free leave nothing, and say what they need',
  (free, context) => {
    if (!canMount()) context.skip('needs root and unshare(1) for a disk of 1 MB')
    const said = onSmallDisk(`
BACKUP="$DISK/../backup.tar.gz"
other() { "$NODE" "$RUN" --data-dir "$DISK/new" "$@" </dev/null; }
brine backup create "$BACKUP" --plain >/dev/null
mkdir "$DISK/shelf"
fill ${free}
step before digest
step backup brine backup create "$DISK/shelf" --plain --json
step shelf ls -A "$DISK/shelf"
step restore brine restore "$BACKUP" --into "$DISK/new" --yes --json
step replace brine restore "$BACKUP" --into "$DISK/d" --replace --yes --json
step verify brine backup verify "$BACKUP" --scratch "$DISK" --json
step disk ls -A "$DISK"
step after digest
rm "$DISK/fill"
step again brine backup create "$DISK/shelf" --plain
step restored brine restore "$BACKUP" --into "$DISK/new" --yes
step works other roa add acme 192.0.2.0/25=AS64496
step proved other audit verify
`)
    for (const name of ['backup', 'restore', 'replace', 'verify']) {
      expect(said[name], name).toMatch(/"code": "io-no-space"[\s\S]*exit 14\n$/)
      expect(said[name], name).toMatch(/"changed": "no"/)
      expect(said[name], name).toMatch(/\d+ bytes needed/)
    }
    expect([said['shelf'], said['disk']]).toEqual(['exit 0\n', 'd\nfill\nshelf\nexit 0\n'])
    expect(said['after']).toBe(said['before'])
    for (const name of ['again', 'restored', 'works', 'proved']) expect(said[name], name).toMatch(/exit 0\n$/)
  },
)
