// RoomWords: what the panels say: reasons for disabled buttons, who is typing, what a message says, how many are unread.
import type { Denial, RoomMessage } from "matrixrtc-rx/room";

/** Why a button is disabled. */
export function denialWords(denial: Denial): string {
  switch (denial.reason) {
    case "not-in-room":
      return "You are not in this room.";
    case "power-level":
      return `This room asks for power level ${denial.needed} here. You have ${denial.level}.`;
    case "not-owner":
      return `Only ${denial.ownerId} may change this.`;
    case "outranked":
      return `They have power level ${denial.otherLevel}, and you have ${denial.level}.`;
  }
}

const list = new Intl.ListFormat("en");

export const typingWords = (names: readonly string[]): string =>
  names.length === 0 ? "" : `${list.format(names)} ${names.length === 1 ? "is" : "are"} typing…`;

/** A message on one line. */
export function messageWords(message: RoomMessage): string {
  switch (message.status) {
    case "readable": {
      const { kind, body } = message.content;
      const text = kind === "text" || kind === "notice" || kind === "emote" ? body : `[${kind}] ${body}`;
      return message.editedTs === undefined ? text : `${text} (edited)`;
    }
    case "redacted":
      return message.redaction.reason === undefined ? "deleted" : `deleted: ${message.redaction.reason}`;
    case "undecryptable":
      return "cannot be decrypted";
    case "malformed":
      return "cannot be read";
  }
}

/** How many messages of others came after the last one that was seen. Without one, all of them count. */
export function unreadCount(messages: readonly RoomMessage[], seenId: string | undefined, me: string): number {
  const seenAt = messages.findIndex(({ eventId }) => eventId === seenId);
  return messages.slice(seenAt + 1).filter(({ sender, status }) => sender !== me && status !== "redacted").length;
}
