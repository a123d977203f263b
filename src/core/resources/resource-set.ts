/** The door to resource sets: their algebra and their text. */
export * from './algebra.js'
export * from './resource-text.js'
