import { afterAll } from 'vitest'
import { memoryStore } from '../../../../src/core/store/commit/memory-store.js'
import { type Scratch, scratch } from '../../../support/store/store.js'
import { storeContract } from './contract.js'

const made: Scratch[] = []
afterAll(() => {
  for (const one of made) one.remove()
})

storeContract('the data directory', () => {
  const one = scratch()
  made.push(one)
  return one.open()
})

storeContract('the store in memory', () => memoryStore())
