/** A share of one is so many millionths. */
export const WHOLE_SHARE = 1_000_000;

/**
 * Tokens of a floor: of a limit (or burst), what `floorShare` keeps for agents that are away, and of that the part of a share. Whole
 * numbers in every step, so that floors of several agents are never more together than the floor of their shares together.
 * @param millionths of the floors of the scope
 */
export function floorSize(limit: number, floorShare: number, millionths: number): number {
  return partOfFloors(allFloors(limit, floorShare), millionths);
}

/** The floors of all shares together. */
export function allFloors(limit: number, floorShare: number): number {
  return Math.floor((limit * Math.round(floorShare * WHOLE_SHARE)) / WHOLE_SHARE);
}

export function partOfFloors(all: number, millionths: number): number {
  return Math.floor((all * millionths) / WHOLE_SHARE);
}
