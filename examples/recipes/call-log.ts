// A log of a call: a fold of its trace, in words. No secret is in a trace, so none is in the log.
import { filter, map, type Observable } from "rxjs";
import type { Trace } from "matrixrtc-rx";

/** One line for each decision that a person would want to read about. */
export function callLog(trace$: Observable<Trace>): Observable<string> {
  return trace$.pipe(
    map((trace) => [trace, words(trace)] as const),
    filter(([, line]) => line !== undefined),
    map(([{ ts }, line]) => `${new Date(ts).toISOString().slice(11, 19)} ${line}`),
  );
}

function words(trace: Trace): string | undefined {
  switch (trace.kind) {
    case "member-joined":
      return `${trace.member.userId} joined`;
    case "member-left":
      return `${trace.member.userId} left (${trace.reason})`;
    case "member-rejected":
      // Whoever left or lapsed was named already.
      if (trace.rejection.reason === "left" || trace.rejection.reason === "expired") return undefined;
      return `an event of ${trace.rejection.userId} makes no member: ${trace.rejection.reason}`;
    case "key-created":
      return `new key ${trace.keyIndex} (${trace.reason})`;
    case "rejoining":
      return `joining again (${trace.reason})`;
    case "probably-left":
      return "the others probably see us as gone";
    default:
      return undefined;
  }
}
