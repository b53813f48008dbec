import type { HubServices } from '../api/services.ts';
import type { WriteLane } from '../api/write-lane.ts';
import type { Store } from '../store/contract.ts';
import type { Source, SourceServices, SourceSync } from './contract.ts';
import { createSourceSync } from './sync.ts';

export interface SourcesOptions {
  readonly store: Store;
  /** Later than this part, as the API's services name it. */
  readonly admit: HubServices['admit'];
  /** The API's. */
  readonly lane: WriteLane;
  readonly wallMs: () => number;
  /** Throws NOT_LEADER while another hub leads. */
  readonly assertLeads?: () => void;
}

/** What sets objects besides the API, as the rest of the hub sees it. */
export interface SourcesOfHub {
  readonly sync: SourceSync;
  readonly services: SourceServices;
  /** Starts a source, and ends it with the hub. */
  add(source: Source): void;
  close(): Promise<void>;
}

/** Sources and the one engine that they share. */
export function createSourcesOfHub(options: SourcesOptions): SourcesOfHub {
  const { store, admit, lane, wallMs, assertLeads } = options;
  const sync = createSourceSync({
    store,
    services: { admit },
    lane,
    wallMs,
    ...(assertLeads === undefined ? {} : { assertLeads }),
  });
  const sources: Source[] = [];
  /** What somebody decided is seen at the source soon, and not with its next look. */
  const poke = (): void => {
    for (const source of sources) source.poke();
  };
  return {
    sync,
    services: {
      get statuses() {
        return sources.map(({ status }) => status);
      },
      get held() {
        return sync.held;
      },
      originOf: (key) => sync.originOf(key),
      async approve(id, actor, reason) {
        await sync.approve(id, actor, reason);
        poke();
      },
      async giveBack(key, actor, reason) {
        const source = await sync.giveBack(key, actor, reason);
        poke();
        return source;
      },
    },
    add(source) {
      sources.push(source);
      source.start();
    },
    async close() {
      for (const source of sources.splice(0)) await source.close();
    },
  };
}
