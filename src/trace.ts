// Trace: every decision of a session, typed. Logs, statistics and inspectors are folds of it.
import type { MembershipTrace } from "./membership/trace.ts";
import type { JoinTrace } from "./join/trace.ts";
import type { KeyTrace } from "./keys/trace.ts";

/** What was decided, by `kind`. Never a secret. */
export type TraceEntry = MembershipTrace | JoinTrace | KeyTrace;

/** A decision and when it was made. */
export type Trace = TraceEntry & { readonly ts: number };
