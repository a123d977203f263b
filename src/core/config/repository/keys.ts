/**
 * Documents every key of the repository sections of `brine.toml`, for the template that `init` writes and for brine.toml(5).
 * Invariant: parse.ts reads exactly these keys; test/unit/config/repository.test.ts compares both.
 */
import type { EnrolmentSection } from '../enrolment/keys.js'

export const REPOSITORY_SECTIONS: readonly EnrolmentSection[] = [
  {
    header: '[repository]',
    about: 'Repository servers: machines that serve a copy of the published tree (brine pubserver probe, push).',
    keys: [
      {
        name: 'probe_timeout',
        about: 'how long a probe may take for one server',
        example: '"60s"',
        fallback: '"60s"',
      },
      {
        name: 'max_lag',
        about: 'how long a server may serve an older serial; then it is taken out of the pool files',
        example: '"10m"',
        fallback: '"10m"',
        details: [
          'It must be longer than the time between two runs of brine pubserver push, and than a cache in front of the server keeps the notification file.',
        ],
      },
    ],
  },
  {
    header: '[[repository.server]]',
    about: 'A repository server. Repeat the section for each server.',
    keys: [
      {
        name: 'name',
        about: 'name of the server: a-z, 0-9, ., - and _',
        example: '"one"',
        fallback: 'required',
      },
      {
        name: 'notification',
        about: 'URI of its own notification file, which does not lead to the load balancer',
        example: '"https://one.example.net/rrdp/notification.xml"',
        fallback: 'unset',
        details: [
          'The files that the notification names are fetched from this server too, below the same folder. One of notification and rsync is required.',
        ],
      },
      {
        name: 'rsync',
        about: 'its own rsync URI of the published tree',
        example: '"rsync://one.example.net/repo/"',
        fallback: 'unset',
      },
      {
        name: 'tls_ca',
        about: 'PEM file with the roots of its TLS certificate; default: those of the system',
        example: '"/etc/brine/servers.pem"',
        fallback: 'unset',
      },
      {
        name: 'pool',
        about: 'its address in pool files; default: the host and port of its URI',
        example: '"192.0.2.1:443"',
        fallback: 'unset',
      },
      {
        name: 'push',
        about: 'target of brine pubserver push without arguments',
        example: '"brine@one.example.net:/srv/rpki"',
        fallback: 'unset',
      },
    ],
  },
  {
    header: '[[repository.pool]]',
    about: 'A file for a load balancer, written by brine pubserver probe. Repeat the section for each file.',
    keys: [
      {
        name: 'file',
        about: 'path of the file; replaced atomically, and only if its content changes',
        example: '"/etc/nginx/brine/pool.conf"',
        fallback: 'required',
      },
      {
        name: 'form',
        about: 'nginx: server lines for an upstream; haproxy: commands for its socket; list: one address on each line',
        example: '"nginx"',
        fallback: '"nginx"',
        details: [
          'The list contains only the servers in the pool; the other forms contain every server, and mark one that is taken out with down or with the state maint.',
        ],
      },
      {
        name: 'parts',
        about: 'rrdp, rsync or both: a failure of one of these takes a server out',
        example: '["rrdp", "rsync"]',
        fallback: '["rrdp", "rsync"]',
        details: [
          'A server without a URI for one of them is judged by the other; a server without a URI for any is not in this file.',
        ],
      },
      {
        name: 'backend',
        about:
          'name of the HAProxy backend; required for the form haproxy, where servers have their names of [[repository.server]]',
        example: '"rpki"',
        fallback: 'unset',
      },
    ],
  },
]
