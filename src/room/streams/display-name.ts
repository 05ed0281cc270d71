// Display names of room members. Client-server specification, "calculating the display name for a user".

/** White space, zero-width and direction marks, combining marks: characters that do not show or can be mistaken. */
const hidden = /[\s\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\u2800\u{e0000}-\u{e007f}\ufeff\p{M}]/gu;

/** Marks that turn the direction of the text: they would reach into what an app shows next to the name. */
const directions = /[\u202a-\u202e\u2066-\u2069]/g;

const userIdLike = /@[^\s:]{1,255}:[^\s]/;

/** What two names have in common if they look the same; empty for a name that shows nothing. */
export function nameKey(displayName: string): string {
  return displayName.normalize("NFKD").replace(hidden, "");
}

/**
 * The name to show for a user: the display name, with the user id behind it if another user has the same, or if it could pass for
 * another; without a display name, the user id.
 *
 * @param isShared Whether another joined or invited user has a display name that looks the same.
 */
export function shownName(userId: string, displayName: string | undefined, isShared: boolean): string {
  if (displayName === undefined || displayName === userId || nameKey(displayName) === "") return userId;
  const clean = displayName.replace(directions, "");
  const isDoubtful = clean !== displayName || userIdLike.test(displayName);
  return isShared || isDoubtful ? `${clean} (${userId})` : clean;
}
