// Figure: one measurement, on our side and on others, and its goal.

export interface Figure {
  readonly name: string;
  /** What is measured, in words. */
  readonly what: string;
  readonly unit: string;
  readonly ours: number;
  /** The value of matrix-js-sdk. */
  readonly peer?: number;
  /** The value of the least code that gets the result, written by hand. */
  readonly floor?: number;
  readonly goal: Goal;
}

export interface Goal {
  /** The maximum of ours. */
  readonly atMost?: number;
  /** The minimum of peer / ours. */
  readonly ratio?: number;
  /** The maximum of ours / floor. */
  readonly floors?: number;
}

/** peer / ours. Undefined if there is nothing to divide. */
export const ratioOf = ({ ours, peer }: Figure): number | undefined =>
  peer === undefined || ours <= 0 ? undefined : peer / ours;

export function isMet(figure: Figure): boolean {
  const { ours, floor, goal } = figure;
  const { atMost = Infinity, ratio = 0, floors } = goal;
  const isNearFloor = floors === undefined || floor === undefined || ours <= floors * floor;
  return ours <= atMost && (ratioOf(figure) ?? Infinity) >= ratio && isNearFloor;
}
