/** The publication server after the clock was ahead: the session and its serials go on, and deltas expire as they should. */
import { expect, it } from 'vitest'
import { h, object, RRDP, RSYNC, Server } from './given.js'

it('gives the present to what is of the future; the serial goes on, and old deltas leave the notification', async () => {
  const server = new Server()
  server.retention = { minNr: 0, minSeconds: 0, maxNr: 50, maxSeconds: 7200 }
  await server.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: RRDP })
  await server.run({ type: 'publisher.add', publisher: h('a'), base: `${RSYNC}a/` })
  const put = (name: string) =>
    server.run({ type: 'publish', changes: [{ publisher: h('a'), put: [object(name, name.repeat(500))], drop: [] }] })
  await put('one.roa')
  const { now } = server
  server.pass(2 * 86_400)
  await put('two.roa')
  server.now = now
  server.pass(60)
  const { sessionId, serial } = server.state
  await server.run({ type: 'clock.reset' })
  expect(server.state).toMatchObject({ sessionId, serial, updatedAt: server.now })
  expect(server.state.publishers['a']?.updatedAt).toBe(server.now)
  expect(server.state.deltas.every(({ at }) => at <= server.now)).toBe(true)
  await put('three.roa')
  expect(server.state).toMatchObject({ serial: serial + 1, updatedAt: server.now })
  server.pass(7201)
  await put('four.roa')
  expect(server.state.deltas.map((delta) => delta.serial)).toEqual([serial + 2])
})
