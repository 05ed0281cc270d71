// A page that is a Matrix client with Element Call as its widget, unmodified, as Element runs it.
import { ClientEvent, type MatrixEvent, MatrixEventEvent, RoomStateEvent } from "matrix-js-sdk";
import { ClientWidgetApi, Widget } from "matrix-widget-api";
import type { Account } from "../account.ts";
import { startClient } from "./peer-client.ts";
import { ElementCallDriver, rawOf } from "./widget-driver.ts";

export interface ElementCallOptions {
  readonly account: Account;
  readonly roomId: string;
  /** Where the files of Element Call are served. */
  readonly url: string;
  /** What Element Call calls the intent: `join_existing`, `start_call_dm`, … */
  readonly intent: string;
}

declare global {
  interface Window {
    startHost(options: ElementCallOptions): Promise<void>;
    /** Starts Element Call, which goes into the call by itself. */
    startElementCall?(): void;
    /** How many members the call has, as matrix-js-sdk counts them. */
    countMembers?(): number;
  }
}

window.startHost = async ({ account, roomId, url, intent }) => {
  const client = await startClient(account, { disableVoip: true });
  const { userId, deviceId, homeserver } = account;
  const params = new URLSearchParams({
    widgetId: "call",
    parentUrl: location.href,
    userId,
    deviceId,
    roomId,
    baseUrl: homeserver,
    intent,
    perParticipantE2EE: "true",
    skipLobby: "true",
    confineToRoom: "true",
    controlledAudioDevices: "false",
    lang: "en",
  });
  const widget = new Widget({
    id: "call",
    type: "m.call",
    creatorUserId: userId,
    url: `${url}index.html`,
    waitForIframeLoad: false,
  });
  const frame = document.createElement("iframe");
  frame.allow = "microphone; camera; autoplay; display-capture";
  document.body.append(frame);
  const api = new ClientWidgetApi(widget, frame, new ElementCallDriver(client, roomId));
  api.setViewedRoomId(roomId);
  const session = client.matrixRTC.getRoomSession(client.getRoom(roomId)!);
  window.countMembers = () => session.memberships.length;
  for (const action of ["io.element.join", "im.vector.hangup", "io.element.close", "io.element.device_mute"])
    api.on(`action:${action}`, (event: CustomEvent) => {
      event.preventDefault();
      api.transport.reply(event.detail, {});
    });
  api.on("action:set_always_on_screen", (event: CustomEvent) => {
    event.preventDefault();
    api.transport.reply(event.detail, { success: true } as never);
  });

  const feed = (event: MatrixEvent) => {
    if (event.getRoomId() === roomId) void api.feedEvent(rawOf(event)).catch(() => {});
  };
  client.on(ClientEvent.Event, (event) => {
    if (event.isBeingDecrypted() || event.shouldAttemptDecryption()) event.once(MatrixEventEvent.Decrypted, feed);
    else feed(event);
  });
  client.on(RoomStateEvent.Events, (event) => {
    if (event.getRoomId() === roomId) void api.feedStateUpdate(rawOf(event)).catch(() => {});
  });
  client.on(ClientEvent.ReceivedToDeviceMessage, ({ message, encryptionInfo }) => {
    void api.feedToDevice(message as never, encryptionInfo !== null).catch(() => {});
  });
  window.startElementCall = () => void (frame.src = `${url}index.html#?${params}`);
};
