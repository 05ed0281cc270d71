// The demo, `npm start`: three members in an encrypted call, one hangs up, one is killed. Ctrl-C: all hang up.
import { fromEvent, interval, lastValueFrom, merge, share, take, tap } from "rxjs";
import { prepareCall } from "./call.ts";
import { chart } from "./chart.ts";
import type { Happening } from "./happening.ts";
import { verdicts } from "./promises.ts";
import { Screen } from "./screen.ts";
import { bounds, cast, spanMs } from "./script.ts";
import { introduction, lastLine, summary } from "./words.ts";

const screen = new Screen(process.stdout);
// Whoever reads us has read enough, for instance `head`.
process.stdout.on("error", () => process.exit());
const { paint, width } = screen;
const names = cast.map(({ name }) => name);
const startTs = Date.now();
const happenings: Happening[] = [];
const picture = () => chart(happenings, { names, startTs, nowTs: Date.now(), width, spanMs, paint });

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
  call.happening$.pipe(
    tap((happening) => {
      happenings.push(happening);
      screen.show(lastLine(happenings, startTs, paint), picture());
    }),
  ),
  { defaultValue: undefined },
);
redraw.unsubscribe();

const outcome = verdicts(happenings, { ...bounds, ...call.leftovers(), cast: isCutShort ? [] : names });
screen.finish(picture(), [...summary(outcome, paint), ""]);
// Whoever was killed would still try to say goodbye if the process lived on: it shares ours.
process.exit(outcome.every(({ kept }) => kept) ? 0 : 1);
