/** What is true of every command and stands in no command: exit codes, environment, files, standards. */
import type { ErrorKind } from '../../base/errors.js'
import { EXIT_CODES } from '../exit-codes.js'

const EXIT_MEANINGS: Readonly<Record<ErrorKind, string>> = {
  rejected: 'rejected: a rule said no; nothing changed, and the attempt is in the history',
  usage: 'usage: flags, arguments or configuration, or a confirmation is needed',
  partial: 'partial: some parts of a bulk failed, the others are done',
  differs: 'differs: a comparison found a difference',
  'no-data-dir': 'no data directory',
  locked: 'locked: another command writes; the message says which, and since when',
  corrupt: 'corrupt: an aggregate is damaged; the others work',
  format: 'format: the data is newer or older than the program',
  io: 'input or output failed: no space, no permission, read-only',
  remote: 'remote: a peer or backend failed, nothing changed here',
  unavailable: 'unavailable: no CA of the group can serve now',
  pending: 'pending: durable here, unfinished elsewhere; tick completes it',
  uncertain: 'uncertain: the last sync failed, or an outcome is unknown',
  credentials: 'credentials: passphrase, identity, PIN, or a key file that others can read',
  standby: 'stand-by: this directory is a copy and does not write',
  internal: 'internal: a bug',
  interrupted: 'interrupted (128 and the number of the signal): nothing changed',
}

/** Exit codes with what they mean, ascending. */
export const EXIT_STATUS: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done, or nothing to do'],
  ...Object.entries(EXIT_MEANINGS).map(([kind, meaning]) => [EXIT_CODES[kind as ErrorKind], meaning] as const),
]

export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['BRINE_DATA_DIR', 'the data directory, where --data-dir is not given'],
  ['BRINE_CONFIG', 'the configuration, where --config is not given'],
  ['BRINE_ACTOR', 'who to name in the history, where --actor is not given; else SUDO_USER, else the login name'],
  ['BRINE_FORCE_RECOVER', '1: one full recovery before the command, whatever it loses; `KRILL_FORCE_RECOVER` too'],
  [
    'BRINE_UPGRADE_ONLY',
    '1: whatever the command, migrate and rebuild the data directory and end; `KRILL_UPGRADE_ONLY` too',
  ],
  ['BRINE_PASSPHRASE_FILE', 'the passphrase of backups, where no other key is given'],
  ['BRINE_NOW', 'a fixed RFC 3339 time; counts only in a directory made by init --test, an error elsewhere'],
  ['UV_THREADPOOL_SIZE', 'how many threads make keys and sign; six more than there are cores where it is not set'],
  ['NO_COLOR', 'not empty: no colour on a terminal'],
]

export const FILES: readonly (readonly [path: string, meaning: string])[] = [
  ['DATA_DIR/brine.json', 'the marker: format and identity of the data directory'],
  ['DATA_DIR/brine.toml', 'the configuration; every key stands in it with its default'],
  ['DATA_DIR/commits/ cas/ pubd/ ta/ ha/ est/', 'the history, and all state that follows from it'],
  ['DATA_DIR/objects/', 'signed objects by their SHA-256'],
  ['DATA_DIR/keys/', 'private keys, readable by the owner alone'],
  ['DATA_DIR/ssl/', 'the HTTPS key and certificate for the web server in front'],
  ['DATA_DIR/repo/rsync/current/', 'what the rsync daemon serves below the rsync base'],
  ['DATA_DIR/repo/rrdp/', 'what the web server serves below the RRDP base'],
  ['DATA_DIR/repo/ta/', 'the trust anchor certificate and its TAL'],
  ['DATA_DIR/status/', 'what can be lost without harm: last tick, origin of the directory'],
]

export const STANDARDS: readonly (readonly [rfc: string, title: string])[] = [
  ['RFC 3779', 'X.509 extensions for IP addresses and AS identifiers'],
  ['RFC 5280', 'X.509 certificates and CRLs'],
  ['RFC 5781', 'the rsync URI scheme'],
  ['RFC 6481', 'resource certificate repository structure'],
  ['RFC 6487', 'resource certificates, updated by RFC 7318'],
  ['RFC 6488', 'signed objects, updated by RFC 9589'],
  ['RFC 7935', 'algorithms and key sizes'],
  ['RFC 8182', 'the RPKI Repository Delta Protocol, updated by RFC 9674'],
  ['RFC 8183', 'handles'],
  ['RFC 8630', 'trust anchor locators'],
  ['RFC 9286', 'manifests, updated by RFC 9981'],
  ['RFC 9582', 'route origin authorizations'],
]
