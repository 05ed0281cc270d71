// Hostile rooms: whatever is in a room or comes from it, no stream fails and nothing is thrown.
import { BehaviorSubject } from "rxjs";
import { expect, it } from "vitest";
import type { Matrix, RoomEvent, TimelineEvent } from "../../../src/matrix.ts";
import { matrixRoom, presenceOf } from "../../../src/room/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { membersNamed } from "../../../src/testing/index.ts";
import { unhandledIn } from "../../support/unhandled.ts";
import { mutatedEvents, randomNumbers } from "../events/mutations.ts";
import { Subject } from "rxjs";
import { alice, bob } from "./scene.ts";

const roomId = "!room:example.org";

it("No stream of a room fails at any of 5,000 mutated events, live or read again", async () => {
  const events = mutatedEvents(randomNumbers(20_261_129));
  const client = new FakeClient();
  const timeline: TimelineEvent[] = [];
  const timeline$ = new Subject<unknown>();
  const ephemeral$ = new Subject<unknown>();
  let content: unknown;
  const matrix: Matrix = Object.assign(client, {
    timeline: () => timeline,
    timeline$,
    ephemeral$,
    ephemeral: () => content,
  }) as unknown as Matrix;
  client.enter(roomId, alice, bob);
  const room = matrixRoom(matrix, roomId, { messageCount: 50 });
  const call = room.inCall({ membership$: new BehaviorSubject(membersNamed("alice bob")) });
  const streams = [
    room.name$,
    room.topic$,
    room.avatar$,
    room.members$,
    room.profile$(bob),
    room.permissions$(bob),
    room.joinRule$,
    room.aliases$,
    room.state$("m.room.create"),
    room.messages$,
    room.receipts$,
    room.typing$,
    call.raisedHands$,
    call.reactions$,
    presenceOf(matrix, bob),
  ];
  const failures: unknown[] = [];
  for (const each$ of streams) (each$ as Subject<unknown>).subscribe({ error: (error) => failures.push(error) });

  const unhandled = await unhandledIn(() => {
    for (let n = 0; n < 5_000; n++) {
      const { value } = events.next();
      const json = (Object(value) as Record<string, unknown>) ?? {};
      // A port vouches for the fields around a content only.
      const type = typeof json["type"] === "string" ? json["type"] : "m.room.message";
      const event: RoomEvent = { type, sender: bob, eventId: `$${n}`, originServerTs: n, content: json["content"] };
      content = json["content"];
      const stateKey = type === "m.room.member" ? bob : "";
      client.emit(client.setState(roomId, { ...event, stateKey }));
      const said: TimelineEvent = {
        ...event,
        encryption: "cleartext",
        redacts: json["redacts"],
        unsigned: json["unsigned"],
      };
      timeline$.next([{ kind: "event", roomId, event: said }]);
      ephemeral$.next({ type, roomId, sender: bob, content });
      timeline.push(said);
      if (n % 500 === 0) timeline$.next([{ kind: "gap", roomId }]);
    }
    for (const each$ of streams) if ("value" in each$) void each$.value;
  });
  expect([failures, unhandled]).toEqual([[], []]);
});
