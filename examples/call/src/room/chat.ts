// Chat: the messages of the room beside the call, with a count of unread ones, and who is typing.
import { whilePresent } from "matrixrtc-rx";
import type { RoomMessage } from "matrixrtc-rx/room";
import {
  catchError,
  combineLatest,
  distinctUntilChanged,
  EMPTY,
  filter,
  fromEvent,
  map,
  merge,
  type Observable,
  of,
  switchMap,
  tap,
  throttleTime,
} from "rxjs";
import type { InRoom } from "../in-room.ts";
import { bind, part, pressed, submitted, view } from "../view.ts";
import { type Faces, showFace } from "./faces.ts";
import { permitted } from "./permitted.ts";
import { messageWords, typingWords, unreadCount } from "./room-words.ts";

const typingAgainMs = 10_000;

/** Opens and closes the panel in a page. */
export function chat(page: HTMLElement, inRoom: InRoom): Observable<unknown> {
  const { room, matrix } = inRoom;
  const button = part(page, "[name=chat]");
  /** The last message that was in sight. What was said before we came is not news. */
  let seenId: string | undefined;
  const read = (isOpen: boolean) =>
    room.messages$.pipe(
      tap((messages) => {
        if (isOpen || seenId === undefined) seenId = messages.at(-1)?.eventId ?? "";
        const unread = unreadCount(messages, seenId, matrix.userId);
        button.textContent = unread > 0 ? `Chat (${unread})` : "Chat";
      }),
      map(() => (isOpen && seenId) || undefined),
      filter((eventId) => eventId !== undefined),
      distinctUntilChanged(),
      switchMap((eventId) => quietly(room.sendFeedback("read", eventId))),
    );
  return pressed(button).pipe(switchMap((isOpen) => merge(read(isOpen), isOpen ? panel(page, inRoom) : EMPTY)));
}

const panel = (page: HTMLElement, { room, matrix, faces }: InRoom) =>
  view("chat", page, (node): Observable<unknown> => {
    const [form, input] = [part(node, "form"), part<HTMLInputElement>(node, "input")];
    const lines$ = room.messages$.pipe(
      whilePresent(
        ({ eventId }) => eventId,
        (message$) => line(part(node, ".messages"), message$, faces),
      ),
    );
    const names$ = room.typing$.pipe(
      switchMap((users) => (users.length === 0 ? of([]) : combineLatest(users.map(faces)))),
      map((typing) => typingWords(typing.map(({ name }) => name))),
    );
    const sent$ = submitted(form, ({ text = "" }) => {
      if (text.trim() === "") return EMPTY;
      input.value = "";
      return room.sendMessage(text).pipe(tap({ error: () => (input.value ||= text) }));
    });
    const typing$ = merge(
      fromEvent(input, "input").pipe(
        throttleTime(typingAgainMs),
        switchMap(() => quietly(room.sendTyping(true))),
      ),
      fromEvent(form, "submit").pipe(switchMap(() => quietly(room.sendTyping(false)))),
    );
    const rights$ = permitted(room, matrix.userId, "m.room.message", input, part(node, "form button"));
    return merge(lines$, bind(part(node, ".typing"), "textContent", names$), sent$, typing$, rights$);
  });

/** One message: who says what, with the reactions to it. */
const line = (place: ParentNode, message$: Observable<RoomMessage>, faces: Faces) =>
  view("message", place, (node): Observable<unknown> => {
    const face$ = message$.pipe(
      map(({ sender }) => sender),
      distinctUntilChanged(),
      switchMap(faces),
      tap((face) => {
        part(node, "b").textContent = face.name;
        showFace(part(node, ".face"), face);
      }),
    );
    const words$ = message$.pipe(
      tap((message) => {
        const words = part(node, ".words");
        words.textContent = messageWords(message);
        words.classList.toggle("note", message.status !== "readable" || message.isAutomated);
        part(node, "i").textContent = message.reactions.map(({ key, senders }) => `${key} ${senders.length}`).join(" ");
      }),
      tap({ subscribe: () => queueMicrotask(() => node.scrollIntoView({ block: "nearest" })) }),
    );
    return merge(face$, words$);
  });

const quietly = (request$: Observable<unknown>) => request$.pipe(catchError(() => EMPTY));
