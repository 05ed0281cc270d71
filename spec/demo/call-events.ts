// A call in words: `1.5 bob joined`, `2 alice used 0`, `2.1 bob holds alice 0`, `6 alice made 1 join`; times in seconds.
import type { CallEvent, Reason } from "../../examples/demo/call-event.ts";

export const events = (text: string): CallEvent[] => text.trim().split("\n").map(event);

function event(text: string): CallEvent {
  const [seconds, member = "", verb, first = "", second = ""] = text.trim().split(/ +/);
  const at = { ts: Number(seconds) * 1000, member };
  switch (verb) {
    case "joined":
    case "killed":
    case "hung-up":
    case "gone":
      return { ...at, kind: verb };
    case "made":
      return { ...at, kind: "key-made", keyIndex: Number(first), reason: second as Reason };
    case "used":
      return { ...at, kind: "key-used", keyIndex: Number(first), secret: `${member} ${first}` };
    case "holds":
      return {
        ...at,
        member: first,
        kind: "key-held",
        keyIndex: Number(second),
        to: member,
        secret: `${first} ${second}`,
      };
    default:
      throw new Error(`no event: ${text}`);
  }
}

/** Alice stays, Bob is killed, Carl hangs up. Every rule holds. */
export const goodCall = `
  0    alice joined
  0    alice used 0
  1.5  bob joined
  1.5  bob used 0
  1.6  bob holds alice 0
  1.6  alice holds bob 0
  5    carl joined
  5    carl used 0
  5.1  alice holds carl 0
  5.1  bob holds carl 0
  5.1  carl holds alice 0
  5.1  carl holds bob 0
  5.1  bob holds alice 1
  5.1  carl holds alice 1
  5.1  alice holds bob 1
  5.1  carl holds bob 1
  6    alice used 1
  6    bob used 1
  9    carl gone
  9.1  alice holds bob 2
  9.1  bob holds alice 2
  10   alice used 2
  10   bob used 2
  12   bob killed
  16   bob gone
  17   alice used 3
  19   alice gone
`;
