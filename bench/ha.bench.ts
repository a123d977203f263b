/**
 * Groups of CAs: a round of probes with CAs that hang, compared with the only limit (`check_timeout`), and the status after a long history
 * compared with one without history.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { transactHa } from '../src/core/app/failover/commit.js'
import { openSession } from '../src/core/app/session/session.js'
import { newFolder } from './support/folder.js'
import { brine, median, run, say, spread } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 10_000)
const TIMEOUT = 5
const folder = newFolder()
const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })

/** The CA that every entry uses: the number of calls is measured, not the CA. */
function certificate(): void {
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key')
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=bench', '-days', '30', '-out', 'ca.pem')
  chmodSync(join(folder, 'ca.key'), 0o600)
}

const file = (id: string): string =>
  `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${folder}/ca.pem"\nca_key = "${folder}/ca.key"\n`
const hanging = (id: string, port: number): string =>
  `[[ca]]\nid = "${id}"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://127.0.0.1:${port}"\nca_cert = "${folder}/ca.pem"\n`

async function prepare(name: string, cas: readonly string[], extra = ''): Promise<string> {
  const data = join(folder, name)
  await brine(data, 'init')
  const ids = cas.map((text) => /id = "([^"]+)"/.exec(text)?.[1])
  const group = `[[ha.group]]\nname = "all"\nca_ids = ${JSON.stringify(ids)}\n`
  writeFileSync(join(data, 'brine.toml'), `[ha]\ncheck_timeout = "${TIMEOUT}s"\n${extra}\n${cas.join('')}${group}`)
  return data
}

/** Writes overrides that are set and removed: events that do not change the state in the end. */
async function grow(data: string, events: number): Promise<void> {
  const session = await openSession({
    dataDir: data,
    actor: 'bench',
    osUser: 'bench',
    host: 'bench',
    command: 'bench',
    reason: 'bench',
  })
  for (let made = 0; made < events; made += 2000)
    await transactHa(session, async (tx) => {
      for (let n = 0; n < Math.min(2000, events - made); n += 2) {
        await tx.run({ type: 'override.set', ca: 'one', mode: 'drain', reason: 'bench', until: null })
        await tx.run({ type: 'override.end', ca: 'one' })
      }
    })
}

// accepts every connection and never responds
const mute = createServer(() => undefined)
await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
try {
  certificate()
  const { port } = mute.address() as AddressInfo
  const sound = Array.from({ length: 40 }, (_, n) => file(`ca-${n}`))
  const well = await prepare('well', [...sound, ...Array.from({ length: 10 }, (_, n) => file(`more-${n}`))])
  const ill = await prepare(
    'ill',
    [...sound, ...Array.from({ length: 10 }, (_, n) => hanging(`mute-${n}`, port))],
    'failure_threshold = 1000',
  )
  const [quick, slow]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    quick.push((await brine(well, 'ha', 'probe', '--now')).wall)
    slow.push((await brine(ill, 'ha', 'probe', '--now')).wall)
  }
  say(`ha probe of 50 CAs                     ${spread(quick)}`)
  say(
    `the same, 10 of them hang              ${spread(slow)}: ${((median(slow) - 1000 * TIMEOUT) / 1000).toFixed(2)} s beyond check_timeout`,
  )
  const [short, long] = [
    await prepare('short', [file('one'), file('two')]),
    await prepare('long', [file('one'), file('two')]),
  ]
  await brine(short, 'ha', 'drain', 'one', '--reason', 'bench')
  await grow(long, EVENTS)
  const [bare, few, many]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    bare.push((await run(['-e', '0'])).wall)
    few.push((await brine(short, 'ha', 'status')).wall)
    many.push((await brine(long, 'ha', 'status')).wall)
  }
  say(`ha status after 1 event                ${spread(few)}: ${(median(few) / median(bare)).toFixed(2)} x node -e 0`)
  say(`ha status after ${EVENTS} events        ${spread(many)}: ${(median(many) / median(few)).toFixed(2)} x that`)
} finally {
  mute.close()
  rmSync(folder, { recursive: true, force: true })
}
