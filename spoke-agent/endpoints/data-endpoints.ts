import type { AgentLog } from '../log.ts';
import type { EndpointFile, KnownEndpoints } from './endpoint-file.ts';
import type { EndpointsMessage, UsedServicesMessage, WatchedTargets } from './messages.ts';

/** How long a configuration waits for the endpoints of Services that it is the first to use. */
const ANSWER_MS = 1_000;
/** Changed endpoints are written to the disk this much later, so that a rollout is one write. */
const SAVE_MS = 2_000;

export interface DataEndpointsOptions {
  readonly file: EndpointFile;
  /** To the control process, which answers. False: there is none now. */
  readonly ask: (message: UsedServicesMessage) => boolean;
  /** To the gateway: these are otherwise. */
  readonly give: (changed: KnownEndpoints) => void;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly log: AgentLog;
}

/**
 * Endpoints of Services in the data process: what the control process said last, or what was on the disk. Nothing takes them away but word of the
 * API server: they stay when the control process or the API server is gone.
 */
export interface DataEndpoints {
  /** All that is known. */
  readonly known: KnownEndpoints;
  /** For a control process that begins. */
  readonly inUse: Pick<UsedServicesMessage, 'used' | 'watched'>;
  /**
   * Before a configuration is served: asks for endpoints of Services that are new in it, so that its first request finds them. Resolves after a
   * second at the latest, with what is known by then.
   * @param services that its backends name
   * @param watched what health targets of this cluster depend on under it
   */
  prepare(services: ReadonlySet<string>, watched: WatchedTargets): Promise<void>;
  /** That configuration is served: what only the one before used is forgotten. */
  settled(): void;
  receive(message: EndpointsMessage): void;
  /** A control process answers from now on: it may have begun before this process knew what it uses. */
  controlRuns(): void;
  /** The control process ended: it answers nothing more. */
  controlGone(): void;
  /** Writes what is not on the disk yet. */
  close(): Promise<void>;
}

export async function openDataEndpoints(options: DataEndpointsOptions): Promise<DataEndpoints> {
  const { file, after, log } = options;
  const known = new Map(await file.read());
  let used: ReadonlySet<string> = new Set();
  let next: ReadonlySet<string> = used;
  let watched: WatchedTargets = [];
  let lastId = 0;
  const waiting = new Map<number, () => void>();
  let dirty = false;
  let saveFailed = false;
  let cancelSave: (() => void) | undefined;
  let lastSave: Promise<void> = Promise.resolve();

  const save = (): Promise<void> => {
    cancelSave?.();
    cancelSave = undefined;
    lastSave = lastSave.then(async () => {
      if (!dirty) return;
      dirty = false;
      try {
        await file.write(known);
        saveFailed = false;
      } catch (err) {
        dirty = true;
        if (!saveFailed)
          log.error(
            { err },
            'endpoints cannot be saved; a start without the API server would have older ones',
          );
        saveFailed = true;
      }
    });
    return lastSave;
  };
  const changed = (): void => {
    dirty = true;
    cancelSave ??= after(SAVE_MS, () => void save());
  };

  /** @returns resolves with the answer, or when there will be none in time */
  const tell = (services: ReadonlySet<string>): Promise<void> => {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve) => {
      const answered = (): void => {
        waiting.delete(id);
        cancel();
        resolve();
      };
      const cancel = after(ANSWER_MS, answered);
      waiting.set(id, answered);
      if (!options.ask({ type: 'services', id, used: [...services], watched })) answered();
    });
  };

  return {
    known,
    get inUse() {
      return { used: [...used], watched };
    },
    async prepare(services, targets) {
      next = services;
      const asBefore = targets === watched || JSON.stringify(targets) === JSON.stringify(watched);
      watched = targets;
      const fresh = [...next].filter((service) => !used.has(service));
      if (fresh.length === 0) {
        if (!asBefore) void tell(used);
        return;
      }
      used = new Set([...used, ...next]);
      await tell(used);
      const found = fresh.filter((service) => known.has(service));
      if (found.length > 0) options.give(new Map(found.map((service) => [service, known.get(service)])));
    },
    settled() {
      if (used.size === next.size) return;
      used = next;
      for (const service of known.keys()) {
        if (used.has(service)) continue;
        known.delete(service);
        changed();
      }
      void tell(used);
    },
    receive({ services, answers }) {
      const news = new Map<string, readonly string[] | undefined>();
      for (const [service, endpoints] of services) {
        const names = endpoints ?? undefined;
        if (!used.has(service) || (known.has(service) && same(known.get(service), names))) continue;
        known.set(service, names);
        news.set(service, names);
      }
      if (news.size > 0) {
        options.give(news);
        changed();
      }
      if (answers !== undefined) waiting.get(answers)?.();
    },
    controlRuns() {
      if (used.size > 0 || watched.length > 0) void tell(used);
    },
    controlGone() {
      for (const answered of [...waiting.values()]) answered();
    },
    close: save,
  };
}

function same(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.length === other.length && one.every((name, at) => name === other[at]);
}
