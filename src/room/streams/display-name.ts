// Display names of room members. Client-server specification, "calculating the display name for a user".

/** White space, marks on letters, and characters that are ignored, those of direction among them. */
const hidden = /[\s\u0300-\u036f\u2800\p{DI}]/gu;

/** Marks of direction: they would reach into what an app shows next to the name. */
const directions = /\p{Bidi_C}/gu;

const userIdLike = /@\S+:\S/;

/** A key that two names share if they look the same. It is empty for a name that shows nothing. */
export function nameKey(displayName = ""): string {
  return displayName.normalize("NFKD").replace(hidden, "");
}

/**
 * The name to show for a user: the display name, with the user id behind it if another user has the same, or if it could pass for
 * another; without a display name, the user id.
 *
 * @param key How the display name looks.
 * @param isShared Whether another joined or invited user has a display name that looks the same.
 */
export function shownName(userId: string, displayName: string | undefined, key: string, isShared: boolean): string {
  if (!displayName || displayName === userId || key === "") return userId;
  const clean = displayName.replace(directions, "");
  const isDoubtful = clean !== displayName || userIdLike.test(displayName);
  return isShared || isDoubtful ? `${clean} (${userId})` : clean;
}
