// Finds a Node.js that is new enough: the one `npm ci` put beside the dependencies, or this one.
// Plain JavaScript without newer syntax, so that an old Node.js can say what is wrong.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Path of the Node.js to use. Ends this process with what to do when there is none. */
export function findNode() {
  // By its package and not by node_modules/.bin/node: some npm versions drop that link, as two packages offer it.
  const bundled = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(bundled)) return bundled;
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath;
  process.stderr.write(
    `error NODE_TOO_OLD: this is Node.js ${process.versions.node}; portolan needs 22.12 or later\n` +
      '  fix: run `npm ci` in the checkout, which brings Node 24 on Linux, or install Node 22.12 or later\n',
  );
  process.exit(1);
}

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Ends as the child ends; passes on the signals that only this process gets. */
export function follow(child) {
  // A terminal sends Ctrl-C to the child itself.
  const inTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', () => inTerminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) =>
    process.exit(signal === null ? (code ?? 1) : 128 + (SIGNALS[signal] ?? 0)),
  );
}
