import {
  bits,
  boolean,
  encode,
  explicit,
  implicit,
  integer,
  nothing,
  octets,
  oid,
  seq,
  seqOf,
  set,
  utcOrGeneralized,
} from '../../../src/core/der/writer.js'
import {
  access,
  aia,
  aki,
  as,
  at,
  CA,
  CA_REPO,
  crldp,
  ext,
  HOST,
  ID,
  ip,
  name,
  OTHER,
  policy,
  prefix,
  sha256,
  sia,
  TA,
  TA_REPO,
  TA_URI,
  uri,
  v4,
  v6,
} from './parts.js'
import {
  also,
  badSignature,
  type CertDefects,
  cn,
  drop,
  flip,
  gt,
  key,
  octetsRaw,
  org,
  P256,
  put,
  RSA_1024,
  RSA_4096,
  RSA_EXP3,
  serial,
  time,
  utc,
} from './patches.js'

/** Defects of any CA certificate, the trust anchor's included. */
export const ANY_CA: CertDefects = {
  algNoParams: [
    (p) => {
      p.algorithm = seq(oid('1.2.840.113549.1.1.11'))
      p.outerAlgorithm = p.algorithm
    },
    'ok',
  ],
  kuUnused0: [put('ku', ext(ID.ku, true, bits(Uint8Array.of(6), 0))), 'ok'],
  noBC: [drop('bc'), 'RFC 6487 section 4.8.1'],
  bcNotCritical: [flip('bc'), 'RFC 6487 section 4.8.1'],
  pathLen: [put('bc', ext(ID.bc, true, seq(boolean(true), integer(1)))), 'RFC 6487 section 4.8.1'],
  noSKI: [drop('ski'), 'RFC 6487 section 4.8.2'],
  skiWrong: [put('ski', ext(ID.ski, false, octets(OTHER.ski))), 'RFC 6487 section 4.8.2'],
  skiSha256: [
    (p) => {
      p.extensions.ski = ext(ID.ski, false, octets(sha256(p.spki)))
    },
    'RFC 6487 section 4.8.2',
  ],
  skiCritical: [flip('ski'), 'RFC 6487 section 4.8.2'],
  noKU: [drop('ku'), 'RFC 6487 section 4.8.4'],
  kuNotCritical: [flip('ku'), 'RFC 6487 section 4.8.4'],
  kuExtra: [put('ku', ext(ID.ku, true, bits(Uint8Array.of(0x86), 1))), 'RFC 6487 section 4.8.4'],
  eku: [put('eku', ext(ID.eku, false, seq(oid('1.3.6.1.5.5.7.3.1')))), 'RFC 6487 section 4.8.5'],
  noSIA: [drop('sia'), 'RFC 6487 section 4.8.8'],
  siaNoManifest: [put('sia', sia(access(5, CA_REPO), access(13, `https://${HOST}/n.xml`))), 'RFC 6487 section 4.8.8'],
  siaNoRepo: [put('sia', sia(access(10, `${CA_REPO}x.mft`))), 'RFC 6487 section 4.8.8'],
  siaNoSlash: [put('sia', sia(access(5, CA_REPO.slice(0, -1)), access(10, `${CA_REPO}x.mft`))), 'ok'],
  siaMftOutside: [
    put('sia', sia(access(5, CA_REPO), access(10, `rsync://${HOST}/repo/other/x.mft`))),
    'RFC 6487 section 4.8.8',
  ],
  siaNotifyHttp: [
    put('sia', sia(access(5, CA_REPO), access(10, `${CA_REPO}x.mft`), access(13, `http://${HOST}/n.xml`))),
    'RFC 8182 section 3.2',
  ],
  siaExtraAD: [
    put('sia', sia(access(5, CA_REPO), access(10, `${CA_REPO}x.mft`), access(99, `rsync://${HOST}/repo/z/`))),
    'RFC 6487 section 4.8.8.1',
  ],
  siaCritical: [flip('sia'), 'RFC 6487 section 4.8.8'],
  siaDot: [
    put('sia', sia(access(5, `rsync://${HOST}/repo/./ca/`), access(10, `rsync://${HOST}/repo/./ca/x.mft`))),
    'RFC 6487 section 4.8.8',
  ],
  noCP: [drop('cp'), 'RFC 6487 section 4.8.9'],
  cpNotCritical: [flip('cp'), 'RFC 6487 section 4.8.9'],
  cpWrong: [put('cp', ext(ID.cp, true, seq(seq(oid('1.3.6.1.5.5.7.14.3'))))), 'RFC 6487 section 4.8.9'],
  cpCps: [put('cp', policy(seq(oid('1.3.6.1.5.5.7.2.1'), { ...uri('https://example.test/cps'), tag: 0x16 }))), 'ok'],
  cpNotice: [put('cp', policy(seq(oid('1.3.6.1.5.5.7.2.2'), seq()))), 'RFC 7318 section 2'],
  cpTwo: [
    put('cp', ext(ID.cp, true, seq(seq(oid('1.3.6.1.5.5.7.14.2')), seq(oid('1.3.6.1.5.5.7.14.3'))))),
    'RFC 6487 section 4.8.9',
  ],
  expired: [time(undefined, utcOrGeneralized(at('2026-05-01T00:00:00Z'))), 'RFC 6487 section 4.6'],
  notYet: [time(utcOrGeneralized(at('2026-07-01T00:00:00Z')), undefined), 'RFC 6487 section 4.6'],
  long2060: [time(undefined, utcOrGeneralized(at('2060-01-01T00:00:00Z'))), 'ok'],
  utcAfter2050: [time(undefined, utc('600101000000Z')), 'RFC 6487 section 4.6'],
  gtBefore2050: [time(undefined, gt('20270101000000Z')), 'ok'],
  reversed: [
    time(utcOrGeneralized(at('2026-05-02T00:00:00Z')), utcOrGeneralized(at('2026-05-01T00:00:00Z'))),
    'RFC 6487 section 4.6',
  ],
  serialZero: [serial(integer(0)), 'ok'],
  serialNeg: [serial(integer(-5)), 'RFC 6487 section 4.2'],
  serial21: [serial(integer(1n << 160n)), 'RFC 6487 section 4.2'],
  serialNonMin: [serial(octetsRaw(0, 5)), 'X.690 section 8.3.2'],
  serialHighBit: [serial(octetsRaw(0x80, 1, 2)), 'RFC 6487 section 4.2'],
  algMismatch: [
    (p) => {
      p.outerAlgorithm = seq(oid('1.2.840.113549.1.1.12'), nothing())
    },
    'RFC 5280 section 4.1.1.2',
  ],
  trailing: [
    (p) => {
      p.trailing = Uint8Array.of(0, 0)
    },
    'X.690 section 8.1.1',
  ],
  v1: [
    (p) => {
      p.version = undefined
    },
    'RFC 6487 section 4.1',
  ],
  extUnknown: [also(ext('1.3.6.1.4.1.99999.1', false, nothing())), 'ok'],
  extUnknownCrit: [also(ext('1.3.6.1.4.1.99999.1', true, nothing())), 'RFC 6487 section 4.8'],
  ipNotCritical: [flip('ip'), 'RFC 6487 section 4.8.10'],
  asNotCritical: [flip('as'), 'RFC 6487 section 4.8.11'],
}

/** Defects of the trust anchor's certificate alone. */
export const TA_ONLY: CertDefects = {
  exp3: [
    (p) => {
      key(RSA_EXP3)(p)
      p.signer = RSA_EXP3
    },
    'RFC 7935 section 3',
  ],
  long20y: [time(undefined, utcOrGeneralized(at('2046-01-01T00:00:00Z'))), 'ok'],
  taAKI: [put('aki', aki(TA.ski)), 'ok'],
  taAIA: [put('aia', aia(TA_URI)), 'RFC 6487 section 4.8.7'],
  taCRLDP: [put('crldp', crldp(`${CA_REPO}x.crl`)), 'RFC 6487 section 4.8.6'],
  inherit: [put('ip', ip(seq(octets(Uint8Array.of(0, 1)), nothing()))), 'RFC 8630 section 2.3'],
  subjOrg: [
    (p) => {
      p.subject = org
      p.issuer = org
    },
    'RFC 6487 section 4.5',
  ],
  subjUtf8: [
    (p) => {
      p.subject = cn(0x0c, 'ta')
      p.issuer = p.subject
    },
    'ok',
  ],
  subjBadChar: [
    (p) => {
      p.subject = cn(0x13, 'a_b')
      p.issuer = p.subject
    },
    'RFC 6487 section 4.5',
  ],
  subjNoCN: [
    (p) => {
      p.subject = seq(set(seq(oid('2.5.4.5'), { tag: 0x13, content: '1', size: 1 })))
      p.issuer = p.subject
    },
    'RFC 6487 section 4.5',
  ],
  badSig: [badSignature, 'RFC 8630 section 2.3'],
}

/** Defects of a CA certificate that another CA issued. */
export const CHILD_ONLY: CertDefects = {
  noAKI: [drop('aki'), 'RFC 6487 section 4.8.3'],
  akiCritical: [flip('aki'), 'RFC 6487 section 4.8.3'],
  akiIssuerSerial: [
    put(
      'aki',
      ext(
        ID.aki,
        false,
        seq(implicit(0, octets(TA.ski)), implicit(1, seq(explicit(4, name('x')))), implicit(2, integer(1))),
      ),
    ),
    'RFC 6487 section 4.8.3',
  ],
  noCRLDP: [drop('crldp'), 'RFC 6487 section 4.8.6'],
  crldpCritical: [flip('crldp'), 'RFC 6487 section 4.8.6'],
  crldpTwo: [
    put(
      'crldp',
      ext(ID.crldp, false, seq(...[1, 2].map(() => seq(explicit(0, implicit(0, seq(uri(`${CA_REPO}x.crl`)))))))),
    ),
    'RFC 6487 section 4.8.6',
  ],
  crldpHttps: [put('crldp', crldp(`https://${HOST}/x.crl`)), 'RFC 6487 section 4.8.6'],
  crldpReasons: [
    put(
      'crldp',
      ext(
        ID.crldp,
        false,
        seq(seq(explicit(0, implicit(0, seq(uri(`${CA_REPO}x.crl`)))), implicit(1, bits(Uint8Array.of(0x40), 6)))),
      ),
    ),
    'RFC 6487 section 4.8.6',
  ],
  noAIA: [drop('aia'), 'RFC 6487 section 4.8.7'],
  aiaCritical: [flip('aia'), 'RFC 6487 section 4.8.7'],
  aiaHttps: [put('aia', aia(`https://${HOST}/ta/ta.cer`)), 'RFC 6487 section 4.8.7'],
  aiaOcsp: [
    put('aia', ext(ID.aia, false, seq(access(2, TA_URI), access(1, `http://${HOST}/ocsp`)))),
    'RFC 6487 section 4.8.7',
  ],
  extDup: [
    (p) => {
      if (p.extensions.ski !== undefined) p.extra.push(p.extensions.ski)
    },
    'RFC 5280 section 4.2',
  ],
  subjOrg: [
    (p) => {
      p.subject = org
    },
    'RFC 6487 section 4.5',
  ],
  subjUtf8: [
    (p) => {
      p.subject = cn(0x0c, CA.name)
    },
    'ok',
  ],
  subjBadChar: [
    (p) => {
      p.subject = cn(0x13, 'a_b')
    },
    'RFC 6487 section 4.5',
  ],
  subjEmpty: [
    (p) => {
      p.subject = seq()
    },
    'RFC 6487 section 4.5',
  ],
  subjNoCN: [
    (p) => {
      p.subject = seq(set(seq(oid('2.5.4.5'), { tag: 0x13, content: '1', size: 1 })))
    },
    'RFC 6487 section 4.5',
  ],
  subjMultiRdn: [
    (p) => {
      p.subject = seq(
        set(
          seq(oid('2.5.4.3'), { tag: 0x13, content: 'x', size: 1 }),
          seq(oid('2.5.4.5'), { tag: 0x13, content: '1', size: 1 }),
        ),
      )
    },
    'ok',
  ],
  inherit: [
    (p) => {
      p.extensions.ip = ip(v4(prefix([10])))
      p.extensions.as = ext(ID.as, true, seq(explicit(0, nothing())))
    },
    'ok',
  ],
  rdi: [
    put('as', ext(ID.as, true, seq(explicit(0, seq(integer(64496))), explicit(1, seq(integer(64496)))))),
    'RFC 6487 section 4.8.11',
  ],
  noResources: [
    (p) => {
      delete p.extensions.ip
      delete p.extensions.as
    },
    'RFC 6487 section 4.8.10',
  ],
  ipUnsorted: [put('ip', ip(v4(prefix([192, 0, 2]), prefix([10])))), 'RFC 3779 section 2.2.3.6'],
  ipOverlap: [put('ip', ip(v4(prefix([10]), prefix([10, 1])))), 'RFC 3779 section 2.2.3.6'],
  ipAdjacent: [put('ip', ip(v4(prefix([10, 0]), prefix([10, 1])))), 'RFC 3779 section 2.2.3.6'],
  ipRangeIsPrefix: [put('ip', ip(v4(seq(prefix([10, 0]), prefix([10, 0]))))), 'RFC 3779 section 2.2.3.7'],
  ipRangeReversed: [put('ip', ip(v4(seq(prefix([10, 3]), prefix([10, 0]))))), 'RFC 3779 section 2.2.3.9'],
  ipDup: [put('ip', ip(v4(prefix([10]), prefix([10])))), 'RFC 3779 section 2.2.3.6'],
  ipEmpty: [put('ip', ip(v4())), 'RFC 6487 section 4.8.10'],
  ipSafi: [put('ip', ip(seq(octets(Uint8Array.of(0, 1, 1)), seqOf([prefix([10])])))), 'RFC 6487 section 4.8.10'],
  ipFamilyOrder: [put('ip', ip(v6(prefix([0x20, 1, 0x0d, 0xb8])), v4(prefix([10])))), 'RFC 3779 section 2.2.3.3'],
  ipPadding: [put('ip', ip(v4({ tag: 0x03, content: Uint8Array.of(4, 10, 0x1f), size: 3 }))), 'X.690 section 11.2.1'],
  asUnsorted: [put('as', as(integer(64500), integer(64497))), 'RFC 3779 section 3.2.3.4'],
  asSingular: [put('as', as(seq(integer(64500), integer(64500)))), 'RFC 3779 section 3.2.3.8'],
  asAdjacent: [put('as', as(integer(64500), integer(64501))), 'RFC 3779 section 3.2.3.4'],
  asOverlap: [
    put('as', as(seq(integer(64496), integer(64500)), seq(integer(64499), integer(64505)))),
    'RFC 3779 section 3.2.3.4',
  ],
  asReversed: [put('as', as(seq(integer(64505), integer(64496)))), 'RFC 3779 section 3.2.3.8'],
  asZero: [put('as', as(integer(0))), 'RFC 3779 section 3.2.3.10'],
  asEmpty: [put('as', as()), 'RFC 6487 section 4.8.11'],
  rsa1024: [key(RSA_1024), 'RFC 7935 section 3'],
  exp3: [key(RSA_EXP3), 'RFC 7935 section 3'],
  ec: [key(P256), 'RFC 7935 section 3'],
  rsa4096: [key(RSA_4096), 'RFC 7935 section 3'],
  crldpBothUris: [put('crldp', crldp(`${TA_REPO}${TA.name}.crl`, `https://${HOST}/x.crl`)), 'ok'],
  spkiNoNull: [
    (p) => {
      p.spki = encode(seq(seq(oid('1.2.840.113549.1.1.1')), bits(Uint8Array.from(Buffer.from(p.spki).subarray(24)))))
    },
    'RFC 4055 section 1.2',
  ],
  sha1Sig: [
    (p) => {
      p.algorithm = seq(oid('1.2.840.113549.1.1.5'), nothing())
      p.outerAlgorithm = p.algorithm
    },
    'RFC 7935 section 2',
  ],
}
