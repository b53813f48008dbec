import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };
import { PortolanError } from '../src/errors/error.ts';
import { loadConfig } from './config.ts';
import { startHub } from './hub.ts';
import { DEFAULT_CONFIG, initHub } from './init.ts';
import { createLog } from './telemetry/log.ts';

/** The hub program: `hub --config FILE`, or `hub init --directory DIR [--config-text FILE]`. The CLI is its face. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { config: { type: 'string' }, directory: { type: 'string' }, 'config-text': { type: 'string' } },
  });
  if (positionals[0] === 'init') {
    const text =
      values['config-text'] === undefined ? DEFAULT_CONFIG : readFileSync(values['config-text'], 'utf8');
    process.stdout.write(`${JSON.stringify(await initHub(values.directory ?? 'portolan', text))}\n`);
    return;
  }
  const config = loadConfig(values.config, process.env, process.cwd());
  const log = createLog(config.logLevel);
  const hub = await startHub(config, manifest.version, log);
  const { api, join, link, dns } = hub;
  // One line on stdout for whoever started this: everything listens now.
  process.stdout.write(`${JSON.stringify({ ready: true, api, join, link, dns, pid: process.pid })}\n`);
  log.info({ api, join, link, dns, dataDir: config.dataDir }, 'hub started');
  let stops = 0;
  const stop = (signal: string): void => {
    stops += 1;
    if (stops > 1) process.exit(1);
    log.info({ signal }, 'stopping');
    void hub.close().then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
}

main().catch((thrown: unknown) => {
  const error = PortolanError.from(thrown);
  process.stderr.write(`error ${error.code}: ${error.message}\n`);
  for (const v of error.violations) process.stderr.write(`  ${v.path}: ${v.message}\n    fix: ${v.fix}\n`);
  process.stderr.write(`  fix: ${error.fix}\n`);
  process.exitCode = 1;
});
