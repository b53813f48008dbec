import { programFiles } from './programs.ts';

/*
 * The agent's second program, always started by the first one over an IPC channel. `bootstrap`: read the configuration, pick
 * the snapshot to start with, report and end. `run`: the control process.
 */

const [mode, ...argv] = process.argv.slice(2);
switch (mode) {
  case 'bootstrap': {
    const { bootstrap } = await import('./bootstrap.ts');
    process.send?.(await bootstrap(argv, process.env), () => process.exit(0));
    break;
  }
  case 'run': {
    const { runControl } = await import('./control-process.ts');
    runControl(programFiles(import.meta.url));
    break;
  }
  default:
    process.stderr.write('agent-control: this program is started by the agent; run `portolan agent`\n');
    process.exit(1);
}
