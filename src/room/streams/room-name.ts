// The name of a room. Client-server specification, "calculating the display name for a room".
import type { RoomMember } from "./directory.ts";

/** Who is in a room that has no name and no alias. */
export interface Company {
  /** The names of the first others, five at most, by user id. */
  readonly names: readonly string[];
  /** How many others are not named. */
  readonly moreCount: number;
  /** Nobody else is joined or invited: the names are of those who were. */
  readonly isEmpty: boolean;
}

/** Puts into words who is in a room. */
export type Wording = (company: Company) => string;

const mostNames = 5;

/** Others than ourselves who are joined or invited, as far as they are named. */
export function companyOf(me: string, members: readonly RoomMember[], joinedOrInvitedCount: number): Company {
  const names: string[] = [];
  let isIn = false;
  for (const { userId, membership, name } of members) {
    if (membership === "knock") continue;
    if (userId === me) isIn = true;
    else if (names.length < mostNames) names.push(name);
    if (names.length === mostNames && (isIn || userId > me)) break;
  }
  const others = joinedOrInvitedCount - (isIn ? 1 : 0);
  return { names, moreCount: others - names.length, isEmpty: others === 0 };
}

/** "Ann, Bob and 3 others". */
export const inEnglish: Wording = ({ names, moreCount, isEmpty }) => {
  const parts = moreCount > 0 ? [...names, `${moreCount} ${moreCount === 1 ? "other" : "others"}`] : names;
  const all = parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
  if (!isEmpty) return all;
  return all === "" ? "Empty room" : `Empty room (was ${all})`;
};
