#!/usr/bin/env node
/** `brine` as users run it. CommonJS (see bin/package.json): Node's ES module loader alone would add a fifth to the start. */
const { join } = require('node:path')
const { launch } = require('./launch.js')

launch(join(__dirname, '..'), process.argv.slice(2))
