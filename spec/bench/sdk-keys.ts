// SdkKeys: RTCEncryptionManager of matrix-js-sdk over real memberships, with a transport that only records sends.
import { type IEvent, MatrixEvent } from "matrix-js-sdk";
import { CallMembership } from "matrix-js-sdk/lib/matrixrtc/CallMembership.js";
import type { IKeyTransport } from "matrix-js-sdk/lib/matrixrtc/IKeyTransport.js";
import { RTCEncryptionManager } from "matrix-js-sdk/lib/matrixrtc/RTCEncryptionManager.js";
import { myDeviceId, myUserId, type RawEvent } from "./call-events.ts";

type Config = NonNullable<Parameters<RTCEncryptionManager["join"]>[0]>;

export class SdkKeys {
  readonly manager: RTCEncryptionManager;
  memberships: CallMembership[] = [];

  constructor(onSend: (userId: string, keyIndex: number) => void, onUse: (keyIndex: number) => void, config: Config) {
    const transport: IKeyTransport = {
      sendKey: (_key, keyIndex, members) => {
        for (const { userId } of members) if (userId !== myUserId) onSend(userId, keyIndex);
        return Promise.resolve();
      },
      on: () => transport,
      off: () => transport,
      start: () => {},
      stop: () => {},
    };
    const own = { userId: myUserId, deviceId: myDeviceId, memberId: `${myUserId}:${myDeviceId}` };
    this.manager = new RTCEncryptionManager(
      own,
      () => this.memberships,
      transport,
      (_key, keyIndex) => onUse(keyIndex),
    );
    this.manager.join(config);
  }

  async join(events: readonly RawEvent[]): Promise<void> {
    const parsed = events.map((raw) => CallMembership.parseFromEvent(new MatrixEvent({ ...raw } as Partial<IEvent>)));
    this.memberships = [...this.memberships, ...(await Promise.all(parsed))];
    this.manager.onMembershipsUpdate();
  }

  leave(userId: string): void {
    this.memberships = this.memberships.filter((membership) => membership.userId !== userId);
    this.manager.onMembershipsUpdate();
  }
}
