/** Facts about all commands for the manual: exit codes, environment, files, standards. */
import type { ErrorKind } from '../../base/errors.js'
import { EXIT_CODES } from '../exit-codes.js'

const EXIT_MEANINGS: Readonly<Record<ErrorKind, string>> = {
  rejected: 'rejected: a rule was violated; nothing changed, and the attempt is recorded in history',
  usage: 'usage: flags, arguments or configuration, or a confirmation is needed',
  partial: 'partial: some parts failed, the others are done',
  differs: 'differs: a comparison found a difference',
  'no-data-dir': 'no data directory',
  locked: 'locked: another command holds the lock or replaced the directory; the message names it and since when',
  corrupt: 'corrupt: an aggregate is damaged; the others can be used',
  format: 'format: the data is newer or older than the program',
  io: 'input or output failed: no space, no permission, read-only',
  remote: 'remote: a peer or backend failed, nothing changed here',
  unavailable: 'unavailable: no CA of the group can serve now',
  pending: 'pending: durable here, not finished elsewhere; tick completes it',
  uncertain: 'uncertain: the last fsync failed, or the outcome of a remote request is unknown',
  credentials: 'credentials: passphrase, identity, PIN, or a key file that others can read',
  standby: 'stand-by: this directory is a copy and does not write',
  internal: 'internal: a bug',
  interrupted: 'interrupted (128 and the number of the signal): nothing changed',
}

/** Exit codes with their meaning, ascending. */
export const EXIT_STATUS: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done, or nothing to do'],
  ...Object.entries(EXIT_MEANINGS).map(([kind, meaning]) => [EXIT_CODES[kind as ErrorKind], meaning] as const),
]

export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['BRINE_DATA_DIR', 'the data directory, if --data-dir is not given'],
  ['BRINE_CONFIG', 'the configuration, if --config is not given'],
  ['BRINE_ACTOR', 'the actor recorded in history, if --actor is not given; else SUDO_USER, else the login name'],
  [
    'BRINE_FORCE_RECOVER',
    '1: run a full recovery before the command, even if it loses commands; `KRILL_FORCE_RECOVER` too',
  ],
  [
    'BRINE_UPGRADE_ONLY',
    '1: migrate and rebuild the data directory and end, in place of any command; `KRILL_UPGRADE_ONLY` too',
  ],
  ['BRINE_PASSPHRASE_FILE', 'file with the passphrase of backups, if no other key is given'],
  ['BRINE_HOOK', 'set by brine for the program of [hooks]: a command that it starts runs no hook'],
  ['BRINE_NOW', 'a fixed RFC 3339 time; allowed only in a directory created by init --test'],
  ['UV_THREADPOOL_SIZE', 'number of threads that generate keys and sign; default: the number of cores plus six'],
  ['NO_COLOR', 'if not empty, output on a terminal has no colour'],
]

export const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ['DATA_DIR/brine.json', 'the marker: format and identity of the data directory'],
  ['DATA_DIR/brine.toml', 'the configuration; it lists every key with its default'],
  ['DATA_DIR/commits/ cas/ pubd/ ta/ ha/ est/', 'the history and the state derived from it'],
  ['DATA_DIR/objects/', 'signed objects, named by their SHA-256'],
  ['DATA_DIR/keys/', 'private keys, readable only by their owner'],
  ['DATA_DIR/ssl/', 'HTTPS key and certificate for the web server'],
  ['DATA_DIR/repo/rsync/current/', 'the tree that the rsync daemon serves'],
  ['DATA_DIR/repo/rrdp/', 'the files that the web server serves for RRDP'],
  ['DATA_DIR/repo/ta/', 'the trust anchor certificate and its TAL'],
  ['DATA_DIR/status/', 'replaceable files: last tick, installation identity'],
]

export const STANDARDS: readonly (readonly [rfc: string, title: string])[] = [
  ['RFC 3779', 'X.509 extensions for IP addresses and AS identifiers'],
  ['RFC 5280', 'X.509 certificates and CRLs'],
  ['RFC 5781', 'the rsync URI scheme'],
  ['RFC 6481', 'resource certificate repository structure'],
  ['RFC 6487', 'resource certificates, updated by RFC 7318'],
  ['RFC 6488', 'signed objects, updated by RFC 9589'],
  ['RFC 6489', 'key rolls of a CA'],
  ['RFC 7935', 'algorithms and key sizes'],
  ['RFC 8182', 'the RPKI Repository Delta Protocol, updated by RFC 9674'],
  ['RFC 8183', 'handles'],
  ['RFC 8630', 'trust anchor locators'],
  ['RFC 9286', 'manifests, updated by RFC 9981'],
  ['RFC 9582', 'route origin authorizations'],
  ['RFC 8209, RFC 8608', 'certificates of BGPsec routers, and their keys'],
  ['draft-ietf-sidrops-aspa-profile', 'autonomous system provider authorizations, version 1'],
]
