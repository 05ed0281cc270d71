// BrokenPorts: for each case of the conformance suite, a port that breaks its promise, as real ports do.
import {
  catchError,
  concat,
  concatMap,
  EMPTY,
  filter,
  from,
  ignoreElements,
  map,
  mergeMap,
  Observable,
  of,
  ReplaySubject,
  shareReplay,
  switchMap,
  tap,
  throwError,
  timer,
} from "rxjs";
import {
  type Matrix,
  MatrixError,
  type OutgoingEvent,
  type RoomChange,
  type StickyEvent,
  type TimelineEvent,
} from "../../src/port/index.ts";

type Change = (port: Matrix) => Matrix;

const changing =
  (read: (changes$: Matrix["changes$"], port: Matrix) => Matrix["changes$"]): Change =>
  (port) => ({ ...port, changes$: read(port.changes$, port) });

const dropping = (isDropped: (change: RoomChange, port: Matrix) => boolean): Change =>
  changing((changes$, port) =>
    changes$.pipe(
      map((batch) => batch.filter((change) => !isDropped(change, port))),
      filter((batch) => batch.length > 0),
    ),
  );

const sticky =
  (read: (events: readonly StickyEvent[]) => Iterable<StickyEvent>): Change =>
  (port) => ({ ...port, stickyEvents: (roomId) => read([...port.stickyEvents(roomId)]) });

const sending =
  (send: (event: OutgoingEvent, port: Matrix) => Observable<string>): Change =>
  (port) => ({ ...port, send: (event) => send(event, port) });

const failingAs = (error: MatrixError): Change =>
  sending((event, port) => port.send(event).pipe(catchError(() => throwError(() => error))));

const clone = <T>(value: T): T => structuredClone(value);

const inCleartext = sending((event, port) => port.schedule(event, 0));

const asTimeline = ({ roomId, type, content }: OutgoingEvent): OutgoingEvent => ({
  roomId,
  type,
  content,
  txnId: "other",
});

/** Redacts as matrix-js-sdk does: empties the content object in place. */
const redactingInPlace: Change = (port) => {
  const contents = new Map<string, Record<string, unknown>>();
  return {
    ...port,
    stateEvent(roomId, type, stateKey) {
      const event = port.stateEvent(roomId, type, stateKey);
      if (!event) return undefined;
      const content = contents.get(event.eventId) ?? clone(event.content as Record<string, unknown>);
      contents.set(event.eventId, content);
      for (const key of Object.keys(content)) if (!(key in (event.content as object))) delete content[key];
      return { ...event, content };
    },
  };
};

/** The title of each case, and a port that it must reject. */
export const brokenPorts: Readonly<Record<string, Change>> = {
  "The port has the user id and the device id of its client.": (port) => ({ ...port, userId: "me" }),
  "An unknown room reads as empty.": (port) => ({ ...port, hasRoom: () => true }),
  "A room that our user has joined is known and listed.": (port) => ({ ...port, rooms: () => [] }),
  "A room that our user has left is not listed.": (port) => {
    const seen = new Set<string>();
    port.changes$.subscribe((batch) => batch.forEach(({ roomId }) => seen.add(roomId)));
    return { ...port, rooms: () => seen };
  },
  "rooms({ withStateOf }) lists every room that has such state.": (port) => ({
    ...port,
    rooms: (options) => (options ? [] : port.rooms()),
  }),
  "rooms({ withStateOf }) lists every room that has sticky events.": (port) => ({
    ...port,
    rooms: ({ withStateOf } = {}) =>
      [...port.rooms()].filter((id) => withStateOf === undefined || [...port.stateEvents(id, withStateOf)].length > 0),
  }),
  "A state event is read by its key and by its type, with all its fields.": (port) => ({
    ...port,
    stateEvents: (roomId, type) => [...port.stateEvents(roomId, type)].slice(0, 1),
  }),
  "The content of a state event is the same object at each reading.": (port) => ({
    ...port,
    stateEvent: (...place) => clone(port.stateEvent(...place)),
  }),
  "A redacted state event has another content object, without its fields.": redactingInPlace,
  "loadMember makes an unknown room membership readable, and a change follows, if the port has it.": (port) => ({
    ...port,
    loadMember: () => EMPTY,
  }),
  "A sticky event is read with its times and its encryption.": sticky((events) =>
    events.map((event) => ({ ...event, receivedTs: 0 })),
  ),
  "A sticky event stays readable after another one with its sticky key, because that one may be redacted.": sticky(
    (events) => events.slice(-1),
  ),
  "An undecryptable sticky event is read as undecryptable.": sticky((events) =>
    events.filter(({ encryption }) => encryption !== "undecryptable"),
  ),
  "An encrypted sticky event is read with its decrypted type and content.": sticky((events) =>
    events.map((event) => ({ ...event, type: "m.room.encrypted" })),
  ),
  "All changes of one sync response are one batch, which names every changed place.": changing((changes$) =>
    changes$.pipe(concatMap((batch) => batch.map((change) => [change]))),
  ),
  "The new value of a changed place can be read when the change is emitted.": (port) => {
    let isBehind = false;
    return {
      ...port,
      stateEvent: (...place) => (isBehind ? undefined : port.stateEvent(...place)),
      changes$: port.changes$.pipe(
        tap(() => {
          isBehind = true;
          queueMicrotask(() => (isBehind = false));
        }),
      ),
    };
  },
  "A sticky change carries the event that can be read.": changing((changes$) =>
    changes$.pipe(map((batch) => batch.map((change) => clone(change)))),
  ),
  "A room that appears is a change of the whole room, and can be read when the change is emitted.": dropping(
    ({ kind }) => kind === "room",
  ),
  "Our own leave of a room, and our return, are changes of the whole room.": dropping(({ kind }) => kind === "room"),
  "A redaction of a state event is a change of its place.": dropping((change, port) => {
    if (change.kind !== "state") return false;
    const event = port.stateEvent(change.roomId, change.type, change.stateKey);
    return JSON.stringify(event?.content) === "{}";
  }),
  "A redaction of a sticky event is emitted, and the event cannot be read any more.": dropping(
    ({ kind }) => kind === "redaction",
  ),
  "A batch is emitted when the connection is back, even if nothing changed.": dropping(() => false),
  "All subscribers get the same changes, and nothing after they unsubscribe.": (port) => {
    let isTaken = false;
    return {
      ...port,
      changes$: new Observable((subscriber) => {
        if (!isTaken) subscriber.add(port.changes$.subscribe(subscriber));
        isTaken = true;
      }),
    };
  },
  "The port has listeners on its client only while somebody is subscribed.": changing(
    (changes$) => new Observable((subscriber) => void changes$.subscribe((batch) => subscriber.next(batch))),
  ),
  "A cleartext to-device message arrives without a proof.": (port) => ({
    ...port,
    toDevice$: port.toDevice$.pipe(map((message) => ({ proof: { crossSigned: false }, ...message }))),
  }),
  "Encrypted to-device messages arrive in order, with a proof that names their device.": (port) => ({
    ...port,
    toDevice$: port.toDevice$.pipe(map((message) => ({ ...message, proof: { crossSigned: false } }))),
  }),
  "Media keys in encrypted timeline events arrive with a proof, if the port has roomKey$.": (port) => ({
    ...port,
    ...(port.roomKey$ && { roomKey$: port.roomKey$.pipe(map((key) => ({ ...key, proof: { crossSigned: true } }))) }),
  }),
  "An effect sends nothing before somebody subscribes to it.": sending((event, port) => {
    const ids$ = new ReplaySubject<string>();
    port.send(event).subscribe(ids$);
    return ids$;
  }),
  "A state event is sent, its event id is emitted, and the effect completes.": sending((event, port) =>
    port.send(event).pipe(map(() => "$another")),
  ),
  "Each subscription to an effect sends a new request.": sending((event, port) =>
    port.send(event).pipe(shareReplay(1)),
  ),
  "A sticky event is sent with its duration.": sending((event, port) => port.send(asTimeline(event))),
  "Two sends with the same transaction id make one event.": (port) => {
    let count = 0;
    return {
      ...port,
      send: (event) => port.send("txnId" in event ? { ...event, txnId: `${event.txnId}-${(count += 1)}` } : event),
    };
  },
  "A timeline event in an encrypted room is sent encrypted, without any cleartext.": inCleartext,
  "A timeline event is not sent in cleartext to an encrypted room if the client cannot encrypt.": sending(
    (event, port) =>
      inCleartext(port)
        .send(event)
        .pipe(mergeMap((id) => timer(3).pipe(map(() => id)))),
  ),
  "A state event in an encrypted room is sent in cleartext.": sending((event, port) => port.send(asTimeline(event))),
  "A send that fails with a rate limit with a wait in seconds is a MatrixError of the kind rate-limited, with the wait.":
    failingAs(new MatrixError("rate-limited", "slow down", { retryAfterMs: 7 })),
  "A send that fails with a rate limit with a wait in the body is a MatrixError of the kind rate-limited, with the wait.":
    failingAs(new MatrixError("rate-limited", "slow down")),
  "A send that fails with a lost connection is a MatrixError of the kind network.": failingAs(
    new TypeError("fetch failed") as MatrixError,
  ),
  "A send that fails with an error of a server in trouble is a MatrixError of the kind network.": failingAs(
    new MatrixError("other", "500"),
  ),
  "A send that fails with the error page of a proxy is a MatrixError of the kind network.": failingAs(
    new MatrixError("other", "502"),
  ),
  "A send that fails with a 404 of a proxy is a MatrixError of the kind network.": failingAs(
    new MatrixError("not-found", "404"),
  ),
  "A send that fails with a 403 of a proxy is a MatrixError of the kind network.": failingAs(
    new MatrixError("forbidden", "403"),
  ),
  "A send that fails with a login page in place of the response is a MatrixError of the kind network.": failingAs(
    new MatrixError("other", "200"),
  ),
  "A send that fails with an invalid access token is a MatrixError of the kind logged-out.": failingAs(
    new MatrixError("other", "401"),
  ),
  "A send that fails with an expired access token is a MatrixError of the kind soft-logged-out.": failingAs(
    new MatrixError("logged-out", "401"),
  ),
  "A send that fails with an event that is too large is a MatrixError of the kind too-large.": failingAs(
    new MatrixError("other", "413"),
  ),
  "A send that fails with a forbidden event is a MatrixError of the kind forbidden.": failingAs(
    new MatrixError("other", "403"),
  ),
  "A send that fails with a malformed event is a MatrixError of the kind other.": failingAs(
    new MatrixError("network", "400"),
  ),
  "The limits of delayed events are an object if the server has them.": (port) => ({
    ...port,
    delayedEventLimits: () => of<false>(false),
  }),
  "The limits of delayed events are false if the server does not have them.": (port) => ({
    ...port,
    delayedEventLimits: () => of({}),
  }),
  "Scheduling on a server without delayed events fails as unsupported, and sends no event.": (port) => ({
    ...port,
    schedule: (event) => port.send(event),
  }),
  "A scheduled event is not in the room until it is sent.": (port) => ({
    ...port,
    schedule: (event) => port.send(event),
  }),
  "A scheduled event is in cleartext, also in an encrypted room.": (port) => {
    const scheduled = new Map<string, OutgoingEvent>();
    return {
      ...port,
      schedule: (event) => of("id").pipe(tap((id) => scheduled.set(id, event))),
      updateDelayedEvent: (id) => concat(port.send(scheduled.get(id)!).pipe(ignoreElements()), EMPTY),
    };
  },
  "A restart emits nothing and completes, and the event stays scheduled.": (port) => ({
    ...port,
    updateDelayedEvent: (id, action) => concat(port.updateDelayedEvent(id, action), from([{} as never])),
  }),
  "A cancelled event is not found any more.": (port) => ({
    ...port,
    updateDelayedEvent: (id, action) => (action === "cancel" ? EMPTY : port.updateDelayedEvent(id, action)),
  }),
  "An update with keepalive reaches the server, although nobody stays subscribed.": (port) => ({
    ...port,
    updateDelayedEvent: (id, action) => timer(1).pipe(switchMap(() => port.updateDelayedEvent(id, action))),
  }),
  "A restart that conflicts with a finalised event is a MatrixError of the kind conflict.": (port) => ({
    ...port,
    updateDelayedEvent: () => throwError(() => new MatrixError("other", "409")),
  }),
  "A restart that a proxy answers with 404 is a MatrixError of the kind not-found.": (port) => ({
    ...port,
    updateDelayedEvent: () => throwError(() => new MatrixError("network", "404")),
  }),
  "A server that sends a delayed event at once does not support delayed events.": (port) => ({
    ...port,
    schedule: () => of("no delay id"),
  }),
  "A server that refuses every delay does not support delayed events.": (port) => ({
    ...port,
    schedule: () => throwError(() => new MatrixError("other", "400")),
  }),
  "Too long a delay is a MatrixError of the kind max-delay-exceeded, with the maximum if the server states it.": (
    port,
  ) => ({ ...port, schedule: () => throwError(() => new MatrixError("max-delay-exceeded", "too long")) }),
  "The error of an update does not contain the delay id, even if the server repeats it.": (port) => ({
    ...port,
    updateDelayedEvent: (id) => throwError(() => new MatrixError("not-found", `no delayed event ${id}`)),
  }),
  "A message to devices has one outcome for each device, and then completes.": (port) => ({
    ...port,
    sendToDevice: (...message) => port.sendToDevice(...message).pipe(filter(({ outcome }) => outcome === "sent")),
  }),
  "A message to no devices completes at once, without a request.": (port) => ({
    ...port,
    sendToDevice: () => port.delayedEventLimits().pipe(ignoreElements()),
  }),
  "isCrossSigned emits one boolean for each device, if the port has it.": (port) => ({
    ...port,
    isCrossSigned: () => of(true),
  }),
  "A message that the server does not accept has the outcome failed, with its cause.": (port) => ({
    ...port,
    sendToDevice: (...message) =>
      port
        .sendToDevice(...message)
        .pipe(map(({ userId, deviceId }) => ({ userId, deviceId, outcome: "sent" as const }))),
  }),
  "An event of a timeline can be read when it is emitted, and is the same object each time.": (port) => ({
    ...port,
    timeline: (roomId) => [...port.timeline!(roomId)].map(clone),
  }),
  "A redacted event of a timeline is read without its content.": (port) => {
    const first = new Map<string, TimelineEvent>();
    const kept = (event: TimelineEvent) => first.get(event.eventId) ?? (first.set(event.eventId, event), event);
    port.timeline$!.subscribe((batch) => batch.forEach((change) => change.kind === "event" && kept(change.event)));
    return { ...port, timeline: (roomId) => [...port.timeline!(roomId)].map(kept) };
  },
  "Typing, receipts and presence of others can be read when they are emitted.": (port) => ({
    ...port,
    ephemeral: (type, id) => (type === "m.receipt" ? undefined : port.ephemeral!(type, id)),
  }),
  "redactEvent emits the id of the redaction, once for one transaction.": (port) => ({
    ...port,
    redactEvent: (roomId, eventId) => port.redactEvent!(roomId, eventId, { txnId: crypto.randomUUID() }),
  }),
  "sendTyping and sendReceipt complete without a value.": (port) => ({
    ...port,
    sendReceipt: (roomId, eventId) => concat(port.sendReceipt!(roomId, eventId), from([{} as never])),
  }),
};
