import type { GatewaySecrets } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { CertificateRequests } from '../../src/protocol/generated/portolan_pb.js';
import type { AgentConfig } from '../config.ts';
import type { AgentLog } from '../log.ts';
import { readPart } from '../snapshot-file.ts';
import type { StoredSnapshot } from '../snapshot-store.ts';
import { createAgentKeyMaker } from './agent-keys.ts';
import { createCertificateExports } from './exports.ts';
import { keyFiles } from './key-files.ts';
import type { KubernetesSecrets } from './kubernetes-secret.ts';

/** What the control process does for certificates: keys that never leave this machine, and certificates for other programs. */
export interface ControlCertificates {
  apply(stored: StoredSnapshot): void;
  /** The data process serves what was applied last. */
  settled(): void;
  hubIsBack(): void;
  /** By what it is. */
  readonly problems: ReadonlyMap<string, string>;
  readonly stats: {
    readonly written: number;
    readonly reloads: number;
    readonly failures: number;
    readonly failing: number;
  };
  close(): Promise<void>;
}

/** Not a word of it in the secrets: nothing was ever asked of this agent. */
const AGENT_KEY = Buffer.from('"agentKey');

export function createControlCertificates(options: {
  readonly config: Pick<AgentConfig, 'dataDir' | 'certificates'>;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly send: (requests: CertificateRequests) => void;
  readonly onProblems: () => void;
  readonly log: AgentLog;
}): ControlCertificates {
  const { config, clock, random, send, onProblems, log } = options;
  const files = keyFiles(config.dataDir);
  const keys = createAgentKeyMaker({ files, onRequests: send, clock, log });
  const items = config.certificates.exports;
  let secretsApi: Promise<KubernetesSecrets> | undefined;
  const exports = createCertificateExports({
    items,
    dataDir: config.dataDir,
    readKey: (id) => files.read(id),
    async putSecret(secret) {
      secretsApi ??= import('./kubernetes-secret.ts').then((m) => m.createKubernetesSecrets());
      return (await secretsApi).put(secret);
    },
    clock,
    random,
    onProblems,
    log,
  });
  let asked = false;

  return {
    apply({ parts }) {
      const bytes = parts.gatewaySecrets;
      const concerns = bytes !== undefined && (items.length > 0 || Buffer.from(bytes).includes(AGENT_KEY));
      if (!concerns && !asked) return;
      asked = true;
      const secrets: GatewaySecrets =
        bytes === undefined ? NO_GATEWAY_SECRETS : readPart(bytes, 'gatewaySecrets');
      keys.want(secrets);
      exports.apply(secrets);
    },
    settled() {
      if (asked) keys.settled();
    },
    hubIsBack() {
      if (asked) send(keys.requests);
    },
    problems: exports.problems,
    get stats() {
      return { ...exports.stats, failing: exports.problems.size };
    },
    async close() {
      keys.close();
      await Promise.all([keys.idle(), exports.close()]);
    },
  };
}
