/**
 * A data directory at the time of the crafted messages, whose CA `testbed` has the child `kid` with the key of these messages and the child
 * `bob`. Messages go to a worker of `brine cgi` or to a process of their own.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseHandle } from '../../../src/core/base/handle.js'
import { readMessage } from '../../../src/core/protocols/cms/read-message.js'
import { decodeProvisioning } from '../../../src/core/protocols/provisioning/decode.js'
import { encodeProvisioning } from '../../../src/core/protocols/provisioning/encode.js'
import type { ProvisioningBody, ProvisioningMessage } from '../../../src/core/protocols/provisioning/types.js'
import { encodeSetup } from '../../../src/core/protocols/setup/encode.js'
import { projectDir } from '../processes/brine-shim.js'
import { NOW } from '../rpki/parts.js'
import { brineOk, newTestbed } from '../sites/testbed.js'
import { exchange, requestRecords } from './fastcgi-client.js'
import { treeHashes } from './message-site.js'
import { type Party, partyOf } from './parties.js'
import { startWorker } from './served-worker.js'

export interface CaAnswer {
  readonly status: string
  /** The message in an answer with status 200. */
  readonly message?: ProvisioningMessage
  readonly body?: ProvisioningBody
  /** The octets after the HTTP header. */
  readonly octets: Buffer
  /** Lines of standard error. */
  readonly log: readonly string[]
}

export interface CraftedSite {
  readonly dir: string
  /** The child whose ID key is that of crafted messages. */
  readonly kid: Party
  readonly bob: Party
  /** Adds a child elsewhere to a CA. */
  addChild(ca: string, name: string, party: Party, resources: string): Promise<void>
  /** Sends a message to the worker, which saves the start of a process. */
  post(cms: Uint8Array, ca?: string): Promise<CaAnswer>
  postToProcess(cms: Uint8Array, ca?: string): CaAnswer
  /** Returns a hash of each part of the directory that a refused message must leave as it is; `status/heard` only for what is not verified. */
  hashes(withHeard?: boolean): readonly string[]
  stop(): Promise<void>
}

/** Makes the directory and starts the worker; files of the exchange lie in `folder`. */
export async function craftedSite(folder: string): Promise<CraftedSite> {
  const [dir, socket] = [join(folder, 'data'), join(folder, 'cgi.sock')]
  await newTestbed(dir, NOW)
  const [kid, bob] = await Promise.all([partyOf(1), partyOf(38)])
  const addChild = async (ca: string, name: string, party: Party, resources: string): Promise<void> => {
    const request = join(folder, `${ca}-${name}.xml`)
    const childHandle = parseHandle(name)
    writeFileSync(request, encodeSetup({ kind: 'child_request', childHandle, id: party.certificate.der }))
    const service = ['--service-uri', 'https://rpki.example/', '--resources', resources]
    await brineOk(dir, ['child', 'add', ca, name, '--request', request, ...service], NOW)
  }
  await addChild('testbed', 'kid', kid, '10.0.0.0/8')
  await addChild('testbed', 'bob', bob, '10.0.0.0/8')
  const worker = await startWorker(dir, socket, [], { BRINE_NOW: NOW })
  const variables = (cms: Uint8Array, ca: string): Readonly<Record<string, string>> => ({
    ...{ PATH: process.env['PATH'] ?? '', BRINE_DATA_DIR: dir, BRINE_NOW: NOW, REQUEST_METHOD: 'POST' },
    ...{ PATH_INFO: `/rfc6492/${ca}`, CONTENT_TYPE: 'application/rpki-updown', CONTENT_LENGTH: String(cms.length) },
  })
  const post = async (cms: Uint8Array, ca = 'testbed'): Promise<CaAnswer> => {
    const { output, errors } = await exchange(socket, requestRecords(variables(cms, ca), cms))
    return answered(Buffer.from(output, 'latin1'), errors)
  }
  // the first answer of a day makes a key
  await post(await bob.say(encodeProvisioning({ sender: 'bob', recipient: 'testbed', body: { type: 'list' } }), NOW))
  return {
    ...{ dir, kid, bob, addChild, post },
    postToProcess: (cms, ca = 'testbed') => {
      const { stdout, stderr } = spawnSync(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], {
        ...{ env: variables(cms, ca), input: cms },
      })
      return answered(stdout, stderr.toString())
    },
    hashes: (withHeard = false) => treeHashes(dir, withHeard ? ['status/heard'] : []),
    stop: () => worker.stop(),
  }
}

function answered(stdout: Buffer, errors: string): CaAnswer {
  const octets = stdout.subarray(stdout.indexOf('\r\n\r\n') + 4)
  const status = /^Status: (\d+)/m.exec(stdout.toString('latin1'))?.[1] ?? 'none'
  const log = errors.split('\n').filter(Boolean)
  if (status !== '200') return { status, octets, log }
  const { content } = readMessage(new Uint8Array(octets))
  const message = decodeProvisioning(content ?? new Uint8Array())
  return { status, message, body: message.body, octets, log }
}
