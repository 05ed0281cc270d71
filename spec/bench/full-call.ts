// FullCall: a port in memory with a call of many sticky members, and the keys that we send to them.
import { joinEvent, myUserId, range, roomMember, userName } from "./call-events.ts";
import { MemoryPort } from "./memory-port.ts";

export class FullCall {
  readonly port = new MemoryPort();
  /** Resolves once each member has been sent a key. */
  readonly allSent: Promise<void>;
  /** How many keys were sent. */
  sent = 0;

  constructor(memberCount: number) {
    const { port } = this;
    const members = range(0, memberCount);
    port.apply(port.prepare([myUserId, ...members.map(userName)].map((userId) => roomMember(userId))));
    port.apply(port.prepare(members.map((n) => joinEvent("sticky", n))));
    this.allSent = new Promise((resolve) => {
      port.onToDevice = () => {
        this.sent += 1;
        if (this.sent === memberCount) resolve();
      };
    });
  }
}
