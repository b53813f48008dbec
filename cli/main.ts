import manifest from '../package.json' with { type: 'json' };
import { run } from './run.ts';
import { processTerminal } from './terminal.ts';

// A reader that has seen enough (`portolan get … | head`) ends the program quietly.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

process.exitCode = await run(process.argv.slice(2), processTerminal(), manifest.version, import.meta.url);
