#!/usr/bin/env node
/** The installed `brine`. CommonJS (see bin/package.json): Node's ES module loader would add a fifth to the start-up time. */
const { join } = require('node:path')
const { launch } = require('./launch.js')

launch(join(__dirname, '..'), process.argv.slice(2))
