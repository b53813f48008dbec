#!/usr/bin/env node
// Starts the CLI on a Node.js that is new enough: this one, or the one `npm ci` put beside the dependencies.
// Plain JavaScript without newer syntax, so that an old Node.js can say what is wrong.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bundled = join(root, 'node_modules', '.bin', 'node');
const [major, minor] = process.versions.node.split('.').map(Number);
const current = major > 22 || (major === 22 && minor >= 12) ? process.execPath : undefined;
const node = existsSync(bundled) ? bundled : current;
if (node === undefined) {
  process.stderr.write(
    `error NODE_TOO_OLD: this is Node.js ${process.versions.node}; portolan needs 22.12 or later\n` +
      '  fix: run `npm ci` in the checkout, which brings Node 24, or install Node 22.12 or later\n',
  );
  process.exit(1);
}

const newest = (folder) => {
  let latest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, item.name);
    latest = Math.max(latest, item.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
};
const stamp = join(root, 'dist', '.built');
const sources = ['src', 'hub', 'spoke-agent', 'nameserver', 'prober', 'cli', 'demo']
  .map((f) => join(root, f))
  .filter(existsSync);
const isCheckout = existsSync(join(root, 'scripts', 'build.ts'));
if (isCheckout && (!existsSync(stamp) || statSync(stamp).mtimeMs < Math.max(...sources.map(newest)))) {
  const built = spawnSync(node, [join(root, 'scripts', 'build.ts')], { stdio: ['ignore', 2, 2] });
  if (built.status !== 0) process.exit(built.status ?? 1);
}

const program = join(root, 'dist', 'portolan.mjs');
if (node === process.execPath) {
  await import(program);
} else {
  const child = spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child itself; what only this process gets is passed on.
  const inTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  process.on('SIGINT', () => inTerminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  child.on('exit', (code, signal) =>
    process.exit(signal === null ? (code ?? 1) : 128 + (numbers[signal] ?? 0)),
  );
}
