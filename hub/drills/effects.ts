/** What running drills do to the world, as leases that end by themselves when nobody renews them (I35). */
export interface DrillEffect {
  /** `namespace/name` of the drill. */
  readonly id: string;
  readonly action: 'drain' | 'fail';
  /** `namespace/name` of the cluster. */
  readonly cluster: string;
  /** Monotonic milliseconds. */
  readonly sinceMs: number;
}

/** How long an agent keeps an effect without hearing of it again; the hub renews every second. */
export const EFFECT_LEASE_MS = 5_000;

/** The effects in force. Held in memory on purpose: a hub that dies must not bring them back. */
export interface DrillEffects {
  set(effect: DrillEffect): void;
  clear(id: string): void;
  readonly all: readonly DrillEffect[];
}

export function createDrillEffects(onChange: () => void): DrillEffects {
  let effects: readonly DrillEffect[] = [];
  return {
    set(effect) {
      effects = [...effects.filter((e) => e.id !== effect.id), effect];
      onChange();
    },
    clear(id) {
      if (!effects.some((e) => e.id === id)) return;
      effects = effects.filter((e) => e.id !== id);
      onChange();
    },
    get all() {
      return effects;
    },
  };
}
