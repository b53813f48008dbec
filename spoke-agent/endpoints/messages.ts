/** To the control process: the Services that the gateway's configuration routes to, `namespace/name:port`. Answered by an `EndpointsMessage`. */
export interface UsedServicesMessage {
  readonly type: 'services';
  readonly id: number;
  readonly used: readonly string[];
  readonly watched: WatchedTargets;
}

/** Health targets of this cluster, each with all the Services that it depends on (`servicesOfTargets`). */
export type WatchedTargets = readonly (readonly [target: string, services: readonly string[]])[];

/** To the data process: endpoints of Services in use. Others stay as they were said last. */
export interface EndpointsMessage {
  readonly type: 'endpoints';
  /** Of the `UsedServicesMessage` that this answers: all that is known of those is in it. */
  readonly answers?: number;
  /** `address:port`, sorted; null: there is no such Service. */
  readonly services: readonly (readonly [service: string, endpoints: readonly string[] | null])[];
}
