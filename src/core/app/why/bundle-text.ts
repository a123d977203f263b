/** README.txt of a bundle of `brine why`: what is in it, and the commands of OpenSSL that verify it. Pure. */
import type { ChainLink } from './chain.js'
import type { WhyObject, WhyReport } from './report.js'

/** Returns the text. Lines that begin with `$ ` are the commands, which run in the folder of the bundle. `links`: from the top down. */
export function bundleText(
  { vrp, at, object, story, published }: WhyReport & { readonly object: WhyObject },
  links: readonly ChainLink[],
  seconds: number,
): string {
  const isAnchored = links[0]?.issuer === null
  const top = isAnchored
    ? `the trust anchor (compare its key with ta.tal)`
    : `issued by the parent ${links[0]?.issuer}, whose own certificate is not in here`
  const last = story.at(-1)
  const steps = story.map(
    (one) =>
      `  ${one.at} ${one.what.join(', ')}: ca/${one.ca} seq ${one.sequence} ${one.type}, by ${one.actor}${one.reason === null ? '' : ` (${one.reason})`}`,
  )
  return [
    `Proof of the VRP ${vrp} as of ${at}`,
    '',
    `object/${object.name}`,
    `  ${object.uri}`,
    ...links.map(
      (link, n) => `certificates/${n}.cer, crls/${n}.crl, manifests/${n}.mft\n  ${link.holder}: ${link.uri}`,
    ),
    '',
    `certificates/0.cer is ${top}.`,
    ...(published === null ? [] : [`Published in RRDP serial ${published.serial} at ${published.at}.`]),
    ...(last === undefined
      ? []
      : ['Commands, as recorded by the CA (a claim, which brine audit verify proves):', ...steps]),
    '',
    'Verify it with OpenSSL 3 that knows RFC 3779 extensions. Each command must succeed.',
    '',
    ...commands(object.name, object.sha256, links, isAnchored, seconds).map((line) => `$ ${line}`),
    '',
    'The last output shows the AS number and the prefixes of the ROA.',
    '',
  ].join('\n')
}

function commands(
  name: string,
  sha256: string,
  links: readonly ChainLink[],
  isAnchored: boolean,
  seconds: number,
): readonly string[] {
  const numbers = links.map((_, n) => n)
  const bottom = links.length - 1
  const pems = numbers.map((n) => `openssl x509 -inform DER -in certificates/${n}.cer -out ${n}.pem`)
  const crls = links.flatMap(({ crl }, n) =>
    crl === null ? [] : [`openssl crl -inform DER -in crls/${n}.crl -out ${n}-crl.pem`],
  )
  const trusted = `cat 0.pem ${links.flatMap(({ crl }, n) => (crl === null ? [] : [`${n}-crl.pem`])).join(' ')} > trusted.pem`
  const rest = numbers.slice(1).map((n) => `${n}.pem`)
  const between = rest.length === 0 ? [] : [`cat ${rest.join(' ')} > between.pem`]
  // the CRL of a parent elsewhere is not here, so only what lies below its certificate is looked up
  const check = isAnchored ? '-crl_check_all' : '-crl_check -partial_chain'
  const common = `-CAfile trusted.pem ${check} -attime ${seconds}`
  const untrusted = rest.length === 0 ? '' : ' -untrusted between.pem'
  // cms -verify does not look for issuers in other files: it verifies the signature, and verify the certificate of the signer
  const verifyCms = (file: string, name: string): readonly string[] => [
    `openssl cms -verify -inform DER -in ${file} -noverify -signer ${name}-ee.pem -out ${name}.der`,
    `openssl verify ${common}${untrusted} ${name}-ee.pem`,
  ]
  return [
    'sha256sum -c SHA256SUMS',
    ...pems,
    ...crls,
    trusted,
    ...between,
    ...numbers.slice(1).map((n) => `openssl verify ${common}${untrusted} ${n}.pem`),
    ...verifyCms(`manifests/${bottom}.mft`, 'manifest'),
    `od -An -v -tx1 manifest.der | tr -d ' \\n' | grep -o ${sha256}`,
    ...verifyCms(`object/${name}`, 'roa'),
    'openssl asn1parse -inform DER -dump -in roa.der',
  ]
}
