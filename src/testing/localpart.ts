// Localpart: the part of a user id that names the user on its server.
export const localpart = (userId: string): string => /^@([^:]*)/.exec(userId)?.[1] ?? userId;
