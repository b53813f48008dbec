/**
 * Bundles the programs into `dist/` (under a second), so that a process starts fast and small. Types are checked by
 * `npm run check`, not here. `npm start` and `npx portolan` call this when `dist/` is missing or older than the sources.
 */
import { readFileSync } from 'node:fs';
import { chmod, copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { version: string };

// Built aside and swapped in: a program that is just starting finds the old files or the new ones, never none.
const aside = `${root}/dist.${process.pid}`;
await build({
  absWorkingDir: root,
  entryPoints: {
    portolan: 'cli/main.ts',
    hub: 'hub/main.ts',
    agent: 'spoke-agent/main.ts',
    'agent-control': 'spoke-agent/control.ts',
    'snapshot-check': 'spoke-agent/snapshot-check.ts',
    'dns-worker': 'nameserver/worker.ts',
    'gateway-worker': 'gateway/worker.ts',
    demo: 'demo/main.ts',
    'demo-backend': 'demo/backend.ts',
    'demo-ca': 'demo/ca.ts',
    'agent-join': 'spoke-agent/join-main.ts',
    plugin: 'plugin/index.ts',
  },
  outdir: aside,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node22',
  sourcemap: true,
  legalComments: 'none',
  logLevel: 'warning',
  define: { PORTOLAN_VERSION: JSON.stringify(version) },
});
await chmod(`${aside}/portolan.mjs`, 0o755);
await copyFile(`${root}/plugin/public.d.ts`, `${aside}/plugin.d.mts`);
await writeFile(`${aside}/.built`, new Date().toISOString());
const old = `${aside}.old`;
await rename(`${root}/dist`, old).catch(() => undefined);
await rename(aside, `${root}/dist`);
await rm(old, { recursive: true, force: true });
