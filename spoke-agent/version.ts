import manifest from '../package.json' with { type: 'json' };

/** Release of this agent. */
export const AGENT_VERSION: string = manifest.version;
