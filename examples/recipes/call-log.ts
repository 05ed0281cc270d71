// CallLog: the trace of a session as lines for people. A trace contains no secret, so the log contains none.
import { filter, map, type Observable } from "rxjs";
import type { Trace } from "matrixrtc-rx";

/** One line for each decision that a person may want to read. */
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
      // Members that left or expired have a line already.
      if (trace.rejection.reason === "left" || trace.rejection.reason === "expired") return undefined;
      return `an event of ${trace.rejection.userId} is no member: ${trace.rejection.reason}`;
    case "key-created":
      return `new key ${trace.keyIndex} (${trace.reason})`;
    case "rejoining":
      return `rejoining (${trace.reason})`;
    case "probably-left":
      return "others probably see us as gone";
    default:
      return undefined;
  }
}
