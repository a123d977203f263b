/**
 * Demonstrates the main job in a new data directory: `npm run demo`, or `npm run demo -- DIR`. Runs the commands that a user would
 * type and shows their output. Never changes an existing directory; exits 1 at the first failure.
 */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'bin', 'run.js')

const RESOURCES = 'AS64496,192.0.2.0/24,198.51.100.0/24,2001:db8::/32'
const ROAS = ['192.0.2.0/24 => 64496 # office', '198.51.100.0/24-26 => 64496', '2001:db8::/32-48 => 64496']

function say(text = '') {
  process.stdout.write(`${text}\n`)
}

/** Returns `./demo-data`, or the first `./demo-data-N` that does not exist. */
function freshFolder() {
  const base = resolve('demo-data')
  let folder = base
  for (let n = 2; existsSync(folder); n += 1) folder = `${base}-${n}`
  return folder
}

/** Quotes an argument for the shell. */
function quoted(word) {
  return /^[\w./:=,@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** Returns the environment without the settings of the caller's installation. */
function environment(dataDir) {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:BRINE|KRILL)_/.test(name))
  return { ...Object.fromEntries(own), BRINE_DATA_DIR: dataDir }
}

/** Runs a program and returns its output. Throws with its error output if it fails. */
function output(command, args, options = {}) {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options })
  if (error) throw error
  if (status !== 0) throw new Error(`${stdout}${stderr}${command} ended with ${signal ?? `exit code ${status}`}`)
  return stdout
}

function demo(dataDir) {
  const env = environment(dataDir)
  const silent = (...words) => output(process.execPath, [program, ...words], { env })
  return {
    dataDir,
    /** Runs a command and shows it with its output. */
    brine(...words) {
      say(`$ brine ${words.map(quoted).join(' ')}`)
      process.stdout.write(silent(...words))
    },
    json: (...words) => JSON.parse(silent(...words, '--json')),
    silent,
  }
}

function resourceLine({ asn, ipv4, ipv6 }) {
  const line = [asn, ipv4, ipv6].filter((text) => text !== '').join(', ')
  return line === 'AS0-AS4294967295, 0.0.0.0/0, ::/0' ? 'all resources' : line
}

/** Returns the trust anchor, the CAs below it and their ROAs as a tree. */
function tree(anchor, cas, vrps) {
  const below = (handle) => [
    ...cas.filter((ca) => ca.parents.includes(handle)).map((ca) => node(ca)),
    ...vrps.filter((vrp) => vrp.ca === handle).map((vrp) => [`ROA ${vrp.prefix}-${vrp.maxLength} => AS${vrp.asn}`]),
  ]
  const node = (ca) => branch(`${ca.handle}  ${resourceLine(ca.resources)}`, below(ca.handle))
  return branch(`${anchor}  trust anchor`, below(anchor))
}

function branch(title, subtrees) {
  const lines = subtrees.flatMap((subtree, index) => {
    const last = index === subtrees.length - 1
    return subtree.map((line, at) => (at === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  ') + line)
  })
  return [title, ...lines]
}

/** Returns rows with their headings as a ruled table. */
function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const rule = (left, middle, right) => left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right
  const cells = (row) => `│${row.map((cell, column) => ` ${cell.padEnd(widths[column])} `).join('│')}│`
  const [head, ...body] = rows
  return [rule('┌', '┬', '┐'), cells(head), rule('├', '┼', '┤'), ...body.map(cells), rule('└', '┴', '┘')]
}

const vrpText = ({ asn, prefix, maxLength }) => `AS${asn},${prefix},${maxLength}`

function findRpkiClient() {
  const named = process.env['RPKI_CLIENT']
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const places = named ? [named] : folders.map((folder) => join(folder, 'rpki-client'))
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Validates the repository with rpki-client offline. Throws unless it accepts everything and finds the same VRPs. */
function validate(run, rpkiClient, expected) {
  const folder = mkdtempSync(join(tmpdir(), 'brine-demo-'))
  try {
    const [cache, out, tal] = ['cache', 'out', 'ta.tal'].map((name) => join(folder, name))
    mkdirSync(out)
    run.brine('pubserver', 'write', '--into', cache)
    writeFileSync(tal, run.silent('ta', 'tal'))
    chmodSync(folder, 0o755)
    // as root, rpki-client switches to its own user
    const root = process.getuid?.() === 0
    if (root && spawnSync('chown', ['-R', '_rpki-client', folder]).status !== 0)
      output('chmod', ['-R', 'a+rwX', folder])
    say(`$ ${rpkiClient} -n -j -d ${cache} -t ${tal} ${out}`)
    output(rpkiClient, ['-n', '-j', '-d', cache, '-t', tal, out])
    const { metadata, roas } = JSON.parse(readFileSync(join(out, 'json'), 'utf8'))
    const seen = roas.map((roa) => vrpText({ ...roa, asn: `${roa.asn}`.replace(/^AS/, '') })).sort()
    for (const vrp of seen) say(`  ${vrp}`)
    const faults = Object.entries(metadata).filter(
      ([name, count]) => /^(?:failed|invalid|stale|nonfunctional)/.test(name) && Number(count) !== 0,
    )
    const wanted = expected.map(vrpText).sort()
    const problems = []
    if (faults.length > 0) problems.push(`rpki-client reports ${faults.map((fault) => fault.join(' = ')).join(', ')}`)
    if (seen.join() !== wanted.join()) problems.push(`rpki-client does not see the VRPs: ${wanted.join(' ')}`)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    say(`rpki-client accepts the repository and sees the same ${seen.length} VRPs.`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Returns the commands with which a user can run a validator on the repository. */
function validatorHelp({ rsyncBase, notification }, { uris }, dataDir) {
  const folder = (uri) => uri.replace(/[^/]*$/, '')
  const repo = join(dataDir, 'repo')
  return [
    `  TAL    ${join(repo, 'ta', 'ta.tal')}`,
    `  rsync  ${join(repo, 'rsync', 'current')}/ served as ${rsyncBase}`,
    `  RRDP   ${join(repo, 'rrdp')}/ served as ${folder(notification)}`,
    `  TA     ${join(repo, 'ta')}/ served as ${uris.map(folder).join(' and ')}`,
    '',
    'contrib/ has configurations for nginx, Apache and rsyncd. Without any server:',
    '',
    '  d=$(mktemp -d); mkdir $d/out; chmod 755 $d',
    '  brine pubserver write --into $d/cache; brine ta tal > $d/ta.tal',
    '  [ "$(id -u)" != 0 ] || chown -R _rpki-client $d',
    '  rpki-client -n -j -d $d/cache -t $d/ta.tal $d/out; cat $d/out/json',
  ]
}

/** Returns the settings for the shell in which the shown commands are typed. */
function shellSetup(dataDir) {
  return [`  alias brine=${quoted(`node ${quoted(program)}`)}`, `  export BRINE_DATA_DIR=${quoted(dataDir)}`]
}

const NEXT = [
  '  brine roa add acme "192.0.2.128/25 => 64497" --dry-run',
  '  brine roa list acme',
  '  brine ca show acme',
  '  brine status                when the first object goes stale, and what is due',
  '  brine history list          who did what, when and why',
  '  brine tick                  run it from cron every 5 minutes: it re-issues manifests and CRLs',
  '  brine --help',
]

function show(title, lines) {
  say(`\n${title}:\n`)
  for (const line of lines) say(line)
}

/** Creates the sandbox with its CAs and ROAs. */
function build(run) {
  say(`$ export BRINE_DATA_DIR=${quoted(run.dataDir)}`)
  run.brine('testbed', 'init')
  run.brine('ca', 'add', 'acme', '--under', 'testbed', '--resources', RESOURCES)
  run.brine('roa', 'add', 'acme', ...ROAS)
}

/** Returns the VRPs of all CAs. Throws if a ROA is missing or not published. */
function vrpsOf(run, cas) {
  const vrps = cas.flatMap(({ handle }) => run.json('roa', 'list', handle).roas.map((roa) => ({ ...roa, ca: handle })))
  const published = vrps.filter((vrp) => vrp.state === 'published')
  if (published.length !== ROAS.length) throw new Error(`${published.length} of ${ROAS.length} ROAs are published`)
  return published
}

function main() {
  const [folder] = process.argv.slice(2)
  const dataDir = folder === undefined ? freshFolder() : resolve(folder)
  const run = demo(dataDir)
  say(`New data directory: ${dataDir}\n`)
  build(run)

  const { cas } = run.json('ca', 'list')
  const anchor = run.json('ta', 'show')
  const vrps = vrpsOf(run, cas)
  const indented = (lines) => lines.map((line) => `  ${line}`)
  show('The CAs', indented(tree(anchor.handle, cas, vrps)))
  const rows = vrps.map((vrp) => [`AS${vrp.asn}`, vrp.prefix, `${vrp.maxLength}`, vrp.ca])
  show(
    'The VRPs (validated ROA payloads) that routers get',
    indented(table([['ASN', 'Prefix', 'Max length', 'CA'], ...rows])),
  )

  say('\nWhat rpki-client makes of it:\n')
  const rpkiClient = findRpkiClient()
  if (rpkiClient) validate(run, rpkiClient, vrps)
  else say('  rpki-client is not installed: nobody has checked yet. Install it and run the demo again.')

  show('For your shell', shellSetup(dataDir))
  show('Point a validator at it', validatorHelp(run.json('pubserver', 'show'), anchor, dataDir))
  show('What to type next', NEXT)
}

try {
  main()
} catch (error) {
  process.stderr.write(`demo: ${error.message}\n`)
  process.exitCode = 1
}
