// A page that joins through MatrixRTCSession of matrix-js-sdk and gives the keys to LiveKit by hand.
import { type BaseE2EEManager, BaseKeyProvider, type KeyProviderOptions, Room } from "livekit-client";
import E2eeWorker from "livekit-client/e2ee-worker?worker";
import { ClientEvent, createClient, SyncState } from "matrix-js-sdk";
import { MatrixRTCSessionEvent } from "matrix-js-sdk/lib/matrixrtc/index.js";
import { videoOf, type PageOptions, play, tokenFor } from "./sfu.ts";

class SdkKeyProvider extends BaseKeyProvider {
  async install(bytes: Uint8Array<ArrayBuffer>, identity: string, index: number) {
    const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);
    this.onSetEncryptionKey(material, identity, index);
  }
}

interface SdkMember {
  join(): Promise<void>;
  loseFirstKeyFor(userId: string): void;
  ownKeyIndex(): number | undefined;
  /** Its identity at the SFU, and when LiveKit had each key of ours to encrypt with, by the wall clock. */
  sender(): { readonly identity: string | undefined; readonly ownKeysTs: readonly number[] };
  setAllKeys(): Promise<void>;
  /** Whether a device of the user is known, so that encrypted events can be read there. */
  knows(userId: string): Promise<boolean>;
  framesDecoded(userId: string): Promise<number>;
}

declare global {
  interface Window {
    startSdkMember(
      options: PageOptions & { readonly sticky: boolean; readonly keyOptions: Partial<KeyProviderOptions> },
    ): Promise<void>;
    sdkMember?: SdkMember;
  }
}

window.startSdkMember = async (options) => {
  const { account, roomId, service, sticky, keyOptions } = options;
  const { homeserver: baseUrl, userId, deviceId, accessToken } = account;
  const client = createClient({ baseUrl, userId, deviceId, accessToken });
  await client.initRustCrypto();
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Prepared && resolve());
  });
  await client.startClient();
  await synced;

  const session = client.matrixRTC.getRoomSession(client.getRoom(roomId)!);
  const provider = new SdkKeyProvider(keyOptions);
  const room = new Room({
    encryption: { keyProvider: provider, worker: new E2eeWorker() },
    videoCaptureDefaults: { resolution: { width: 320, height: 180, frameRate: 12 } },
    publishDefaults: { simulcast: false },
  });
  let ownKeyIndex: number | undefined;
  let ownIdentity: string | undefined;
  const ownKeysTs: number[] = [];
  session.on(MatrixRTCSessionEvent.EncryptionKeyChanged, (key, index, membership, identity) => {
    const installing = provider.install(key, identity, index);
    if (membership.userId !== userId || membership.deviceId !== deviceId) return;
    ownKeyIndex = index;
    ownIdentity = identity;
    void installing.then(() => ownKeysTs.push(Date.now()));
  });

  window.sdkMember = {
    async join() {
      const transport = { type: "livekit", livekit_service_url: service, livekit_alias: roomId };
      const memberId = sticky ? crypto.randomUUID() : `${userId}:${deviceId}`;
      const { url, jwt } = await tokenFor(options, sticky ? memberId : undefined);
      session.joinRTCSession({ userId, deviceId, memberId }, [transport], transport, {
        manageMediaKeys: true,
        unstableSendStickyEvents: sticky,
      });
      play(room);
      await room.setE2EEEnabled(true);
      await room.connect(url, jwt);
      await room.localParticipant.setCameraEnabled(true);
      await room.localParticipant.setMicrophoneEnabled(true);
    },
    loseFirstKeyFor(victim) {
      const send = client.encryptAndSendToDevice.bind(client);
      client.encryptAndSendToDevice = (type, devices, content) => {
        const { index } = (content["keys"] ?? {}) as { readonly index?: number };
        const isLost = (device: { readonly userId: string }) => index === 0 && device.userId === victim;
        return send(
          type,
          devices.filter((device) => !isLost(device)),
          content,
        );
      };
    },
    ownKeyIndex: () => ownKeyIndex,
    sender: () => ({ identity: ownIdentity, ownKeysTs }),
    async knows(other) {
      const devices = await client.getCrypto()!.getUserDeviceInfo([other], true);
      return (devices.get(other)?.size ?? 0) > 0;
    },
    async setAllKeys() {
      // The same message to the worker as for a track that somebody publishes.
      const { e2eeManager } = room as unknown as { readonly e2eeManager: BaseE2EEManager };
      e2eeManager.setParticipantCryptorEnabled(true, room.localParticipant.identity);
    },
    async framesDecoded(other) {
      const identities = session.memberships
        .filter((member) => member.userId === other)
        .map((member) => member.rtcBackendIdentity);
      return (await videoOf(identities.map((one) => room.getParticipantByIdentity(one)))).framesDecoded;
    },
  };
};
