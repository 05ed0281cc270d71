// The name of a room. Client-server specification, "calculating the display name for a room".
import type { Directory, RoomMember } from "./directory.ts";

/** The other users of a room that has no name and no alias. */
export interface Company {
  /** The names of the first others, five at most, by user id. */
  readonly names: readonly string[];
  /** How many others are not named: others who are in the room, or who were if it is empty. */
  readonly moreCount: number;
  /** All others have left. The names are those of users who were in the room. */
  readonly isEmpty: boolean;
}

/** Puts into words who is in a room. */
export type Wording = (company: Company) => string;

const mostNames = 5;

/** Others than ourselves who are joined or invited, or else those who were. It looks at the first few of them. */
export function companyOf(me: string, directory: Directory, former: () => readonly RoomMember[]): Company {
  const { members, insiderCount } = directory;
  const isCounted = ["join", "invite"].includes(directory.member(me, () => undefined).membership);
  const otherCount = insiderCount - (isCounted ? 1 : 0);
  const isEmpty = otherCount < 1;
  const isOther = ({ userId, membership }: RoomMember) => userId !== me && membership !== "knock";
  const others = isEmpty ? former().filter(isOther) : members;
  const names: string[] = [];
  for (const other of others) {
    if (names.length === mostNames) break;
    if (isOther(other)) names.push(other.name);
  }
  return { names, moreCount: (isEmpty ? others.length : otherCount) - names.length, isEmpty };
}

const list = /* @__PURE__ */ new Intl.ListFormat("en");

/** "Ann, Bob, and 3 others". */
export const inEnglish: Wording = ({ names, moreCount, isEmpty }) => {
  const parts = moreCount > 0 ? [...names, `${moreCount} ${moreCount === 1 ? "other" : "others"}`] : names;
  const all = list.format(parts);
  return !isEmpty ? all : all === "" ? "Empty room" : `Empty room (was ${all})`;
};
