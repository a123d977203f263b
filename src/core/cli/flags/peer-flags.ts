/** Flags of commands that record a peer on another machine: the permissions of its server, and the URI of ours in its answer. */

import type { PeerPermissions } from '../../app/exchange/client/parent-contact.js'
import { readDocument } from '../../app/operations/user-files.js'
import { flag } from './flags.js'

/** Permissions of the server of a parent or a repository; each needs `--response`. */
export const permissionFlags = {
  'tls-ca': flag.path({
    description: 'with --response: PEM file of further roots that verify its HTTPS server',
    dependsOn: ['response'],
  }),
  'tls-insecure': flag.boolean({
    description: 'with --response: do not verify its HTTPS server; recorded in history',
    dependsOn: ['response'],
  }),
  'accept-stale-crl': flag.boolean({
    description: 'with --response: accept messages whose CRL is out of date; recorded in history',
    dependsOn: ['response'],
  }),
  'allow-private': flag.boolean({
    description: 'with --response: it may name loopback, link-local and private addresses; recorded in history',
    dependsOn: ['response'],
  }),
}

interface PermissionValues {
  readonly 'tls-ca'?: string | undefined
  readonly 'tls-insecure': boolean
  readonly 'accept-stale-crl': boolean
  readonly 'allow-private': boolean
}

/** Returns the permissions that the flags give, with the text of the file of roots. Throws as `readDocument`. */
export function permissionsOf(flags: PermissionValues): PeerPermissions {
  return {
    ...(flags['tls-ca'] === undefined ? {} : { tlsCa: readDocument(flags['tls-ca']) }),
    ...(flags['tls-insecure'] ? { tlsInsecure: true } : {}),
    ...(flags['accept-stale-crl'] ? { acceptStaleCrl: true } : {}),
    ...(flags['allow-private'] ? { allowPrivate: true } : {}),
  }
}

/** Flags of the answer of RFC 8183 to a child or a publisher. */
export const answerFlags = {
  'service-uri': flag.text({
    helpValue: 'URI',
    required: true,
    description: 'URI of the web server in front of brine cgi',
  }),
  out: flag.path({ description: 'write it to a new file' }),
}
