// Chat: the messages of the room beside the call, with a count of unread ones, and who is typing.
import type { MatrixRoom, RoomMessage } from "matrixrtc-rx/room";
import { whilePresent } from "matrixrtc-rx";
import {
  BehaviorSubject,
  catchError,
  combineLatest,
  concatMap,
  distinctUntilChanged,
  EMPTY,
  filter,
  fromEvent,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  tap,
  throttleTime,
} from "rxjs";
import { element, shown } from "../element.ts";
import { reasonOf } from "../reason.ts";
import { type Faces, showFace } from "./faces.ts";
import { permitted } from "./permitted.ts";
import { messageWords, typingWords, unreadCount } from "./room-words.ts";

export interface ChatOptions {
  readonly room: MatrixRoom;
  readonly userId: string;
  readonly faces: Faces;
  /** Opens and closes the panel. */
  readonly toggle: HTMLButtonElement;
}

const typingAgainMs = 10_000;

/** Shows the panel in a place while it is open. */
export function chat(place: ParentNode, { room, userId, faces, toggle }: ChatOptions): Observable<never> {
  const isOpen$ = new BehaviorSubject(false);
  /** The last message that was in sight. */
  let seenId: string | undefined;
  const look = (messages: readonly RoomMessage[], isOpen: boolean) => {
    // What was said before we came is not news.
    if (isOpen || seenId === undefined) seenId = messages.at(-1)?.eventId ?? "";
    const unread = unreadCount(messages, seenId, userId);
    toggle.textContent = unread > 0 ? `Chat (${unread})` : "Chat";
    toggle.ariaPressed = String(isOpen);
    return isOpen && seenId !== "" ? seenId : undefined;
  };
  const read$ = combineLatest([room.messages$, isOpen$]).pipe(
    map(([messages, isOpen]) => look(messages, isOpen)),
    filter((eventId) => eventId !== undefined),
    distinctUntilChanged(),
    switchMap((eventId) => room.sendFeedback("read", eventId).pipe(catchError(() => EMPTY))),
  );
  const toggled$ = fromEvent(toggle, "click").pipe(tap(() => isOpen$.next(!isOpen$.value)));
  const panel$ = isOpen$.pipe(switchMap((isOpen) => (isOpen ? panel(place, { room, userId, faces }) : EMPTY)));
  return merge(read$, toggled$, panel$).pipe(ignoreElements());
}

function panel(place: ParentNode, { room, userId, faces }: Omit<ChatOptions, "toggle">): Observable<never> {
  const messages = element("ol", { className: "messages", ariaLive: "polite" });
  const typing = element("p", { className: "note" });
  const problem = element("p", { className: "problem", role: "alert" });
  const input = element("input", { placeholder: "Message", ariaLabel: "Message", autocomplete: "off" });
  const send = element("button", { className: "primary", textContent: "Send" });
  const form = element("form", { className: "row" }, input, send);
  const node = element("aside", { className: "chat", ariaLabel: "Chat" }, messages, typing, problem, form);

  const lines$ = room.messages$.pipe(
    whilePresent(
      ({ eventId }) => eventId,
      (message$) => line(message$, messages, faces),
    ),
  );
  const names$ = room.typing$.pipe(
    switchMap((users) =>
      users.length === 0 ? of([]) : combineLatest(users.map((user) => faces(user).pipe(map(({ name }) => name)))),
    ),
    tap((names) => (typing.textContent = typingWords(names))),
  );
  const sent$ = fromEvent(form, "submit").pipe(
    tap((event) => event.preventDefault()),
    map(() => input.value.trim()),
    filter((text) => text !== ""),
    tap(() => (input.value = problem.textContent = "")),
    concatMap((text) =>
      room.sendMessage(text).pipe(
        catchError((error: unknown) => {
          problem.textContent = reasonOf(error);
          input.value ||= text;
          return EMPTY;
        }),
      ),
    ),
  );
  const quietly = (isTyping: boolean) => room.sendTyping(isTyping).pipe(catchError(() => EMPTY));
  const typing$ = merge(
    fromEvent(input, "input").pipe(
      throttleTime(typingAgainMs),
      switchMap(() => quietly(true)),
    ),
    fromEvent(form, "submit").pipe(switchMap(() => quietly(false))),
  );
  const denial$ = room
    .permissions$(userId)
    .pipe(map((permissions) => permissions.denial({ kind: "event", type: "m.room.message" })));
  const everything$ = merge(lines$, names$, sent$, typing$, permitted(denial$, input, send));
  return shown(node, place, everything$.pipe(ignoreElements()));
}

/** One message: who says what, with the reactions to it. */
function line(message$: Observable<RoomMessage>, place: HTMLElement, faces: Faces): Observable<never> {
  const face = element("span", { className: "face" });
  const name = element("b");
  const words = element("span");
  const reactions = element("span", { className: "note" });
  const node = element("li", {}, face, element("p", {}, name, " ", words, " ", reactions));
  const face$ = message$.pipe(
    map(({ sender }) => sender),
    distinctUntilChanged(),
    switchMap(faces),
    tap((shownFace) => {
      name.textContent = shownFace.name;
      showFace(face, shownFace);
    }),
  );
  const words$ = message$.pipe(
    tap((message) => {
      words.textContent = messageWords(message);
      words.className = message.status === "readable" && !message.isAutomated ? "" : "note";
      reactions.textContent = message.reactions.map(({ key, senders }) => `${key} ${senders.length}`).join(" ");
    }),
    tap({ subscribe: () => queueMicrotask(() => node.scrollIntoView({ block: "nearest" })) }),
  );
  return shown(node, place, merge(face$, words$).pipe(ignoreElements()));
}
