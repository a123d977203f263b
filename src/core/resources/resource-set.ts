/** Exports the operations on resource sets and their text form. */
export * from './algebra.js'
export * from './resource-text.js'
