// The name of a room. Client-server specification, "calculating the display name for a room".
import type { RoomMember } from "./directory.ts";

/** Who is in a room that has no name and no alias. */
export interface Company {
  /** The names of the first others, five at most, by user id. */
  readonly names: readonly string[];
  /** How many others are not named. */
  readonly moreCount: number;
  /** Nobody else is joined or invited any more: the others are those who were. */
  readonly isEmpty: boolean;
}

/** Puts into words who is in a room. */
export type Wording = (company: Company) => string;

const mostNames = 5;

/** Others than ourselves who are joined or invited, or else those who were. */
export function companyOf(me: string, members: readonly RoomMember[], former: () => readonly RoomMember[]): Company {
  const others = members.filter(({ userId, membership }) => userId !== me && membership !== "knock");
  const isEmpty = others.length === 0;
  const named = (isEmpty ? former() : others).filter(({ userId }) => userId !== me);
  return {
    names: named.slice(0, mostNames).map(({ name }) => name),
    moreCount: Math.max(0, named.length - mostNames),
    isEmpty,
  };
}

/** "Ann, Bob and 3 others". */
export const inEnglish: Wording = ({ names, moreCount, isEmpty }) => {
  const parts = moreCount > 0 ? [...names, `${moreCount} ${moreCount === 1 ? "other" : "others"}`] : [...names];
  const last = parts.pop();
  const all = parts.length > 0 ? `${parts.join(", ")} and ${last}` : last;
  if (!isEmpty) return all ?? "";
  return all === undefined ? "Empty room" : `Empty room (was ${all})`;
};
