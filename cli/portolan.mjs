#!/usr/bin/env node
// Starts the CLI on a Node.js that is new enough, and builds it first when a source is newer.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findNode, follow, root } from './node.mjs';

const node = findNode();

const newest = (folder) => {
  let latest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, item.name);
    latest = Math.max(latest, item.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
};
const stamp = join(root, 'dist', '.built');
const sources = [
  'src',
  'hub',
  'spoke-agent',
  'nameserver',
  'prober',
  'providers',
  'gateway',
  'kube',
  'plugin',
  'cli',
  'demo',
]
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
  follow(spawn(node, [program, ...process.argv.slice(2)], { stdio: 'inherit' }));
}
