/** `npm test -- --long` sets it: how many times as many seeds as usual. */
const TIMES = Number(process.env.PORTOLAN_SIMULATION_TIMES ?? 1);

/** How many seeds a simulation plays that usually plays `usual`. */
export const seedCount = (usual: number): number => usual * TIMES;
