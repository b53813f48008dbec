import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { PortolanError } from '../src/errors/error.ts';
import { reportFatal } from './fatal.ts';
import { joinCluster } from './join.ts';

/** Gives an agent its identity and ends: `join --token ptl1.… --data-dir DIR`. One JSON line on stdout. The CLI is its face. */
try {
  const { values } = parseArgs({ options: { token: { type: 'string' }, 'data-dir': { type: 'string' } } });
  const token = values.token ?? process.env.PORTOLAN_JOIN_TOKEN;
  const dataDir = values['data-dir'];
  if (token === undefined || dataDir === undefined)
    throw new PortolanError('USAGE', 'a join needs --token and --data-dir');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const identity = await joinCluster({
    token,
    dataDir,
    wallMs: Date.now,
    onProgress: (line) => void process.stderr.write(`${line}\n`),
  });
  const { cluster, agentUid, clusterUid } = identity;
  process.stdout.write(
    `${JSON.stringify({ cluster: `${cluster.namespace}/${cluster.name}`, agentUid, clusterUid, dataDir })}\n`,
  );
} catch (error) {
  reportFatal('join', error);
}
