/** Renders the report of `brine why`. */
import type { WhyReport } from '../../app/why/report.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

/** Renders the answer first, then object, certificates and commands. */
export function whyView(report: WhyReport & { readonly bundle: string | null }, theme: Theme): string {
  const { vrp, at, answer, present, bundle, failed } = report
  const tone = present ? theme.good : theme.caution
  const hint = answer.hint === null ? '' : theme.dim(theme.paste(`  -> ${answer.hint}`))
  return [
    `${theme.bold(vrp)}  ${tone(answer.code)}  ${theme.dim(`as of ${at}`)}`,
    `${answer.message}${hint}`,
    ...objectLines(report),
    ...chainLines(report),
    ...storyLines(report),
    ...failed.map(({ ca, message }) => theme.bad(`CA ${ca} cannot be read: ${message}`)),
    ...(bundle === null ? [] : [`written to ${bundle}: see its README.txt`]),
  ].join('\n')
}

function objectLines({ object, published }: WhyReport): readonly string[] {
  if (object === null) return []
  const { uri, sha256, size, serial, notBefore, notAfter, alsoBy } = object
  return [
    `object       ${uri}`,
    `             ${counted(size, 'byte')}, sha256 ${sha256}`,
    `             serial ${serial}, valid ${notBefore === null ? '' : `from ${notBefore} `}to ${notAfter}`,
    ...(published === null ? [] : [`             published in RRDP serial ${published.serial} at ${published.at}`]),
    ...(alsoBy.length === 0 ? [] : [`             the same VRP is published by ${alsoBy.join(', ')}`]),
  ]
}

function chainLines({ chain, chainEnd }: WhyReport): readonly string[] {
  const rows = chain.flatMap(({ holder, issuer, uri, serial, notAfter, resources }) => [
    `certificate  ${holder}, issued by ${issuer === null ? 'itself: the trust anchor' : issuer}`,
    `             ${uri}`,
    `             serial ${serial ?? 'unknown, its file is archived'}, to ${notAfter}, ${resources}`,
  ])
  return chainEnd === 'parent' ? [...rows, '             above it: certificates of parents elsewhere'] : rows
}

function storyLines({ story }: WhyReport): readonly string[] {
  return story.flatMap(({ what, ca, sequence, type, at, actor, osUser, host, reason, events, commit }) => [
    `${at}  ${what.join(', ')}: ca/${ca} seq ${sequence} ${type}, by ${actor} (${osUser} on ${host})${reason === null ? '' : `: ${reason}`}`,
    `             ${events.join(', ')} in commit ${commit}`,
  ])
}
