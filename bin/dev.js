#!/usr/bin/env node
/** `brine` from the current sources: builds if something changed, then runs. */
const { join } = require('node:path')
const { launch } = require('./launch.js')
const { prepare } = require('./setup.js')

const root = join(__dirname, '..')
prepare(root)
launch(root, process.argv.slice(2))
