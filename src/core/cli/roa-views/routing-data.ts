/** One line on where announcements come from: files, age, and what was left out. */
import type { RoutingDataReport } from '../../app/routing/data.js'
import { counted } from '../output/endings.js'

export function routingDataLine(data: RoutingDataReport): string {
  const { files, time, routes, asSets, hostBits, unreadable, fewPeers, minPeers, vrps } = data
  const left = [
    ...(fewPeers === 0 ? [] : [`${fewPeers} seen by fewer than ${minPeers} peers`]),
    ...(asSets === 0 ? [] : [counted(asSets, 'AS set')]),
    ...(hostBits === 0 ? [] : [`${hostBits} with bits beyond the length`]),
    ...(unreadable === 0 ? [] : [counted(unreadable, 'unreadable line')]),
  ]
  const judges = vrps === null ? 'judged by our ROAs only' : `judged by ${counted(vrps.count, 'VRP')} of ${vrps.time}`
  return [
    `${counted(routes, 'announcement')} in ${counted(files.length, 'file')} of ${time}`,
    ...(left.length === 0 ? [] : [`left out: ${left.join(', ')}`]),
    judges,
  ].join('; ')
}
