// NewId: an opaque name that nobody can guess.

export const newId = (): string => crypto.randomUUID().replaceAll("-", "");
