#!/usr/bin/env node
// `kubectl portolan …`: kubectl runs the program of this name on the PATH. The same commands; help and errors name them as they were typed.
process.env.PORTOLAN_PROGRAM = 'kubectl portolan';
await import('./portolan.mjs');
