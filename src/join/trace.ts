// The decisions of the writing side: our own membership.

export type JoinTrace = { readonly kind: "join-started" };
