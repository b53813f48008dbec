import { create } from '@bufbuild/protobuf';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { FeedPlace } from '../../src/protocol/credential-feed.ts';
import {
  type CredentialAck,
  CredentialAckSchema,
  type CredentialDelta,
  type CredentialPage,
  type CredentialsRequest,
  CredentialsRequestSchema,
  type FindKeyRequest,
  type FindKeyResponse,
} from '../../src/protocol/generated/portolan_pb.js';
import type { AgentIdentityHolder } from '../identity-files.ts';
import type { AgentLog } from '../log.ts';
import { readPart } from '../snapshot-file.ts';
import type { StoredSnapshot } from '../snapshot-store.ts';
import type { CredentialIntake } from './intake.ts';
import { createKeyAsker, type KeyAsker } from './key-asker.ts';
import type { KeysMessage } from './messages.ts';

export interface ControlKeysOptions {
  readonly dataDir: string;
  readonly identity: AgentIdentityHolder;
  /** This agent's gateway is switched on. */
  readonly enabled: boolean;
  /** Rejects with HUB_UNREACHABLE while there is no stream. */
  readonly readPage: (request: CredentialsRequest) => Promise<CredentialPage>;
  /** As `readPage`, after a second at most. */
  readonly findKey: (request: FindKeyRequest) => Promise<FindKeyResponse>;
  readonly acknowledge: (ack: CredentialAck) => void;
  readonly isUp: () => boolean;
  readonly tellData: (message: KeysMessage) => void;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
}

/** The keys in the control process. An agent whose policies take no keys loads none of it, and asks the hub for none. */
export interface ControlKeys {
  /** For Hello. */
  readonly place: FeedPlace;
  /** What this snapshot needs. */
  apply(stored: StoredSnapshot): Promise<void>;
  offer(delta: CredentialDelta): void;
  hubIsBack(): void;
  /** Asks the hub for a key that the table does not have. */
  readonly find: KeyAsker;
  readonly stats: CredentialIntake['stats'];
  close(): Promise<void>;
}

const NOWHERE: FeedPlace = { feed: '', sequence: 0, hash: '' };
const NOTHING = { deltas: 0, refused: 0, syncs: 0, journalOctets: 0 };

export function createControlKeys(options: ControlKeysOptions): ControlKeys {
  const { dataDir, identity, log } = options;
  let intake: CredentialIntake | undefined;
  let opening: Promise<void> | undefined;
  let wanted = false;
  let closed = false;

  async function open(): Promise<void> {
    const [{ createCredentialIntake }, { keyFolder }] = await Promise.all([
      import('./intake.ts'),
      import('./files.ts'),
    ]);
    const opened = await createCredentialIntake({
      directory: keyFolder(dataDir),
      trust: () => {
        const { snapshotKeys, hubUid, clusterUid } = identity.current();
        return { keys: snapshotKeys, hubUid, clusterUid };
      },
      readPage: ({ feed, sequence, after }) =>
        options.readPage(
          create(CredentialsRequestSchema, {
            feed,
            sequence: BigInt(sequence),
            after: Uint8Array.from(after),
          }),
        ),
      acknowledge: ({ feed, sequence }, error) =>
        options.acknowledge(create(CredentialAckSchema, { feed, sequence: BigInt(sequence), error })),
      tellData: options.tellData,
      clock: options.clock,
      random: options.random,
      log,
    });
    if (closed) await opened.close();
    else intake = opened;
  }

  return {
    get place() {
      return wanted ? (intake?.place ?? NOWHERE) : NOWHERE;
    },
    async apply({ parts }) {
      wanted =
        options.enabled &&
        parts.gatewaySecrets !== undefined &&
        readPart(parts.gatewaySecrets, 'gatewaySecrets').peppers !== undefined;
      if (!wanted && intake === undefined) return;
      opening ??= open().catch((err: unknown) => {
        log.error({ err }, 'the API keys on the disk cannot be opened');
      });
      await opening;
      // A stream that is open already has not heard where the keys stand.
      intake?.want(wanted, options.isUp());
    },
    offer: (delta) => intake?.offer(delta),
    find: createKeyAsker({ findKey: options.findKey, monotonicMs: () => options.clock.monotonicMs() }),
    hubIsBack: () => intake?.hubIsBack(),
    get stats() {
      return intake?.stats ?? NOTHING;
    },
    async close() {
      closed = true;
      await opening;
      await intake?.close();
    },
  };
}
