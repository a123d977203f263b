/** FastCGI records: requests in any pieces, and what is not one. */
import { describe, expect, it } from 'vitest'
import { type FastCgiEvent, fastCgiReader, fastCgiResponse } from '../../../src/core/protocols/fastcgi.js'
import { pairs, readAnswer, record, requestRecords } from '../../support/peers/fastcgi-client.js'

const ENV = {
  REQUEST_METHOD: 'POST',
  PATH_INFO: '/.well-known/est/device/simpleenroll',
  LONG: 'x'.repeat(20_000),
  EMPTY: '',
}
const BODY = Buffer.from('y'.repeat(40_000))
const REQUEST = requestRecords(ENV, BODY)

/** Reads octets in pieces of `size`. */
function read(bytes: Uint8Array, size = bytes.length): readonly FastCgiEvent[] {
  const reader = fastCgiReader(() => 131_072)
  const events: FastCgiEvent[] = []
  for (let at = 0; at < bytes.length; at += size) events.push(...reader(bytes.subarray(at, at + size)))
  return events
}
const begin = (role = 1, id = 1): Buffer => record(1, Buffer.from([0, role, 0, 0, 0, 0, 0, 0]), id)
const replies = (events: readonly FastCgiEvent[]) =>
  events.map((event) => (event.type === 'reply' ? [...event.bytes.subarray(0, 2), event.bytes[12]] : event.type))

describe('a request', () => {
  it.each([1, 7, 8, 9, 1000, 100_000])('is read in pieces of %d octets', (size) => {
    expect(read(REQUEST, size)).toEqual([
      { type: 'request', request: { id: 1, keepsConnection: false, env: ENV, body: BODY } },
    ])
  })

  it('may be followed by another on the same connection', () => {
    const two = Buffer.concat([requestRecords(ENV, BODY, 1), requestRecords({ A: 'b' }, Buffer.alloc(0), 1)])
    const events = read(two, 333)
    expect(events).toMatchObject([
      { request: { keepsConnection: true, env: ENV } },
      { request: { keepsConnection: true, env: { A: 'b' }, body: Buffer.alloc(0) } },
    ])
  })

  it('keeps no more of a body than the largest that is answered', () => {
    const [event] = read(requestRecords(ENV, Buffer.alloc(1_000_000)))
    if (event?.type !== 'request') throw new Error('no request')
    expect(event.request.body.length).toBeGreaterThan(131_072)
    expect(event.request.body.length).toBeLessThan(200_000)
  })

  it('with too many variables ends the connection', () => {
    const long = requestRecords({ LONG: 'x'.repeat(600_000) }, Buffer.alloc(0))
    expect(read(long)).toEqual([{ type: 'fault', message: 'more than 524288 octets of variables' }])
  })

  it.each<[string, Buffer]>([
    ['a length beyond the end', Buffer.from([5, 5, 65])],
    ['a long length that is cut', Buffer.from([0x80, 0, 0])],
    ['a name without a value', Buffer.from([1])],
    ['a length of 2 GiB', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 65])],
  ])('with %s ends the connection', (_, content) => {
    const bytes = Buffer.concat([begin(), record(4, content), record(4, Buffer.alloc(0)), record(5, Buffer.alloc(0))])
    expect(read(bytes)).toEqual([{ type: 'fault', message: 'malformed variables' }])
  })

  it('of another version, such as HTTP, ends the connection', () => {
    expect(read(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toEqual([{ type: 'fault', message: 'version 71 of FastCGI' }])
  })

  it('of another role, or beside another one, is refused', () => {
    expect(replies(read(begin(2)))).toEqual([[1, 3, 3]])
    const beside = Buffer.concat([begin(), begin(1, 2), REQUEST.subarray(16)])
    expect(replies(read(beside))).toEqual([[1, 3, 1], 'request'])
  })

  it('that is aborted is forgotten, and records of none are ignored', () => {
    const bytes = Buffer.concat([
      begin(),
      record(2, Buffer.alloc(0)),
      record(4, pairs({ A: 'b' })),
      record(5, Buffer.alloc(0)),
      REQUEST,
    ])
    expect(replies(read(bytes))).toEqual([[1, 3, 0], 'request'])
  })

  it('for values, or of an unknown kind, gets an answer', () => {
    expect(replies(read(record(9, pairs({ FCGI_MAX_CONNS: '' }), 0)))).toEqual([[1, 10, undefined]])
    expect(read(record(77, Buffer.alloc(0), 0))).toMatchObject([
      { type: 'reply', bytes: expect.objectContaining({ 1: 11, 8: 77 }) },
    ])
  })
})

it('a response has its output, its errors and its end, however long it is', () => {
  const output = 'z'.repeat(200_000)
  const bytes = Buffer.from(fastCgiResponse(1, Buffer.from(output), Buffer.from('one line\n')))
  expect(readAnswer(bytes)).toEqual({ output, errors: 'one line\n', status: 0 })
  expect(readAnswer(Buffer.from(fastCgiResponse(1, Buffer.alloc(0), Buffer.alloc(0))))).toEqual({
    output: '',
    errors: '',
    status: 0,
  })
})
