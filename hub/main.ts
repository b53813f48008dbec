import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };
import { PROVIDER_KINDS } from '../providers/catalogue.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { loadConfig } from './config.ts';
import { startElectedHub } from './election/run.ts';
import { startHub } from './hub.ts';
import { DEFAULT_CONFIG, initHub } from './init.ts';
import { prepareHub } from './prepare.ts';
import { createLog } from './telemetry/log.ts';

/** Closing takes this long at most; everything acknowledged is on disk already. */
const STOP_LIMIT_MS = 4_500;
/** EX_TEMPFAIL of sysexits.h: start it again. */
const LOST_LEAD_CODE = 75;

/**
 * The hub program: `hub --config FILE`, `hub init --directory DIR [--config-text FILE]`, or `hub prepare --config FILE [--admin-token FILE]` before its first
 * start in a pod. The CLI is the face of the first two.
 */
async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  if (positionals[0] === 'init') {
    const text = values['config-text'] === undefined ? DEFAULT_CONFIG : readText(values['config-text']);
    process.stdout.write(`${JSON.stringify(await initHub(values.directory ?? 'portolan', text))}\n`);
    return;
  }
  const folder = values['git-folder'];
  const env = {
    ...process.env,
    ...(folder === undefined ? {} : { PORTOLAN_GIT_FOLDER: resolve(folder) }),
    ...(values.kubernetes === true ? { PORTOLAN_SOURCE_KUBERNETES: 'true' } : {}),
  };
  const config = loadConfig(values.config, env, process.cwd());
  if (positionals[0] === 'prepare') {
    process.stdout.write(`${JSON.stringify(await prepareHub(config, values['admin-token']))}\n`);
    return;
  }
  const log = createLog(config.logLevel);
  const hub =
    config.election.mode === 'none'
      ? await startHub(config, manifest.version, log, PROVIDER_KINDS)
      : await startElectedHub({
          config,
          version: manifest.version,
          log,
          kinds: PROVIDER_KINDS,
          end: endAtOnce,
        });

  /** Without closing anything: a hub that lost its lead must not do one thing more. The system closes its connections. */
  function endAtOnce(reason: string): void {
    log.error({ reason }, 'this hub leads no more and ends; started again it stands by');
    process.exit(LOST_LEAD_CODE);
  }
  const { api, join, link, dns } = hub;
  let stops = 0;
  const stop = (signal: string): void => {
    stops += 1;
    if (stops > 1) process.exit(1);
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.warn({ limitMs: STOP_LIMIT_MS }, 'not everything closed in time; stopping anyway');
      process.exit(0);
    }, STOP_LIMIT_MS);
    void hub.close().then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop(signal));
  // Whoever started this with a lifeline holds the other end of its standard input: when that is gone, so is this.
  if (process.env.PORTOLAN_LIFELINE === 'stdin') process.stdin.resume().on('end', () => stop('end of stdin'));
  // One line on stdout for whoever started this: everything listens now, and signals are heard.
  process.stdout.write(`${JSON.stringify({ ready: true, api, join, link, dns, pid: process.pid })}\n`);
  log.info({ api, join, link, dns, dataDir: config.dataDir }, 'hub started');
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        'git-folder': { type: 'string' },
        kubernetes: { type: 'boolean' },
        directory: { type: 'string' },
        'config-text': { type: 'string' },
        'admin-token': { type: 'string' },
      },
    });
  } catch (thrown) {
    throw new PortolanError('USAGE', messageOf(thrown), {
      cause: thrown,
      fix: 'Use `hub --config FILE`, `hub init --directory DIR` or `hub prepare --config FILE`.',
    });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    throw new PortolanError('CONFIG_INVALID', `cannot read ${path}: ${messageOf(thrown)}`, {
      cause: thrown,
      fix: 'Correct --config-text.',
    });
  }
}

main().catch((thrown: unknown) => {
  const error = PortolanError.from(thrown);
  process.stderr.write(`error ${error.code}: ${error.message}\n`);
  for (const v of error.violations) process.stderr.write(`  ${v.path}: ${v.message}\n    fix: ${v.fix}\n`);
  process.stderr.write(`  fix: ${error.fix}\n`);
  // What was opened is closed by now; a timer of a library must not keep a failed start alive.
  process.exit(1);
});
