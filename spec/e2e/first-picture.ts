// FirstPicture: the line of a page that says how long a first picture took. The test reads it, since pages may be closed before
// they are asked.

/** Milliseconds follow. */
export const firstPicture = "first picture after ms: ";
