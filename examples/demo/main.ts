// The demo, `npm start`. To use the library, copy call.ts and participant.ts: all other files only draw and check.
// Three members are in an encrypted call, one hangs up, one is killed. Ctrl-C: all hang up.
import { fromEvent, interval, lastValueFrom, merge, share, take, tap } from "rxjs";
import { prepareCall } from "./call.ts";
import { chart } from "./chart.ts";
import type { CallEvent } from "./call-event.ts";
import { checks } from "./checks.ts";
import { Screen } from "./screen.ts";
import { bounds, cast, spanMs } from "./script.ts";
import { introduction, lastLine, summary } from "./words.ts";

const screen = new Screen(process.stdout);
// The reader of our output has closed it, for instance `head`.
process.stdout.on("error", () => process.exit());
const { paint, width } = screen;
const names = cast.map(({ name }) => name);
const startTs = Date.now();
const events: CallEvent[] = [];
const picture = () => chart(events, { names, startTs, nowTs: Date.now(), width, spanMs, paint });

let isCutShort = false;
const interrupt$ = merge(fromEvent(process, "SIGINT"), fromEvent(process, "SIGTERM")).pipe(
  take(1),
  tap(() => (isCutShort = true)),
  share(),
);
const call = prepareCall(interrupt$);

screen.print(["", ...introduction(paint), ""]);
const redraw = interval(200).subscribe(() => screen.show([], picture()));
await lastValueFrom(
  call.event$.pipe(
    tap((event) => {
      events.push(event);
      screen.show(lastLine(events, startTs, paint), picture());
    }),
  ),
  { defaultValue: undefined },
);
redraw.unsubscribe();

const outcome = checks(events, { ...bounds, ...call.leftovers(), cast: isCutShort ? [] : names });
screen.finish(picture(), [...summary(outcome, paint), ""]);
// The killed member shares this process, and would still try to leave if the process went on.
process.exit(outcome.every(({ holds }) => holds) ? 0 : 1);
