// VirtualSession: the offer and answer state of a virtual peer connection, with rollback. W3C WebRTC 4.4.1; RFC 8829.
import { purposeOf, type MediaSource, type StreamPurpose } from "../../media/source.ts";
import type { Attachment, Description, SignalingState } from "../../webrtc/peer-connection.ts";
import { type Direction, planTransceivers } from "../../webrtc/transceivers.ts";
import { answerTo, readSdp, receives, sends, type VirtualSdp, type VirtualSection, writeSdp } from "./virtual-sdp.ts";

/** A transceiver. It is changed in place, as in a browser, and put back by a rollback. */
export interface VirtualTransceiver {
  readonly kind: "audio" | "video";
  readonly isTheirs: boolean;
  mid: string | undefined;
  direction: Direction;
  source: MediaSource | undefined;
  streamId: string | undefined;
  track: MediaStreamTrack | undefined;
}

/** What both sides have agreed on. */
interface Agreed {
  readonly local: VirtualSdp;
  readonly remote: VirtualSdp;
  readonly isOfferer: boolean;
}

export class VirtualSession {
  readonly #name: string;
  readonly #streamIds: Readonly<Record<StreamPurpose, string>>;
  #transceivers: VirtualTransceiver[] = [];
  #signaling: SignalingState = "stable";
  #agreed: Agreed | undefined;
  #pending: { readonly local?: VirtualSdp; readonly remote?: VirtualSdp } = {};
  #wantsRestart = false;
  #version = 0;
  #round = 0;
  #ufrag: string;

  constructor(name: string, streamIds: Readonly<Record<StreamPurpose, string>>) {
    this.#name = name;
    this.#streamIds = streamIds;
    this.#ufrag = this.#newUfrag();
  }

  get signaling(): SignalingState {
    return this.#signaling;
  }

  get local(): VirtualSdp | undefined {
    return this.#pending.local ?? this.#agreed?.local;
  }

  get remote(): VirtualSdp | undefined {
    return this.#pending.remote ?? this.#agreed?.remote;
  }

  /** The ICE user names by which both sides find each other. A new one counts once both have agreed on it. */
  get ufrags(): { readonly own: string | undefined; readonly theirs: string | undefined } {
    const { local, remote } = this.#agreed ?? this.#pending;
    return { own: local?.ufrag, theirs: remote?.ufrag };
  }

  get transceivers(): readonly VirtualTransceiver[] {
    return this.#transceivers;
  }

  close(): void {
    this.#signaling = "closed";
  }

  restart(): void {
    this.#wantsRestart = true;
  }

  attach(attachment: Attachment): void {
    for (const { at, kind, source, track, direction } of planTransceivers(this.#transceivers, attachment)) {
      const transceiver = at === undefined ? this.#add(kind, false) : this.#transceivers[at];
      if (!transceiver) continue;
      Object.assign(transceiver, { source, track, direction });
      if (source) transceiver.streamId = this.#streamIds[purposeOf(source)];
    }
  }

  /** Whether the agreement lacks something that is wanted. */
  get isNegotiationNeeded(): boolean {
    const agreed = this.#agreed;
    if (this.#wantsRestart) return true;
    return this.#transceivers.some((transceiver) => {
      const local = agreed?.local.sections.find(({ mid }) => mid === transceiver.mid);
      const remote = agreed?.remote.sections.find(({ mid }) => mid === transceiver.mid);
      if (!local || !remote) return true;
      if (sends(transceiver.direction) && local.streamId !== transceiver.streamId && sends(local.direction))
        return true;
      const expected = agreed?.isOfferer ? transceiver.direction : answerTo(remote.direction, transceiver.direction);
      return local.direction !== expected;
    });
  }

  describe(): Description {
    if (this.#signaling === "stable") return this.#offer();
    if (this.#signaling === "have-remote-offer") return this.#answer();
    throw new Error(`nothing to describe in ${this.#signaling}`);
  }

  rollBack(): void {
    if (this.#signaling !== "have-local-offer") throw new Error(`nothing to roll back in ${this.#signaling}`);
    const known = new Set(this.#agreed?.local.sections.map(({ mid }) => mid));
    for (const transceiver of this.#transceivers)
      if (transceiver.mid !== undefined && !known.has(transceiver.mid)) transceiver.mid = undefined;
    if (this.#agreed && this.#pending.local?.ufrag !== this.#agreed.local.ufrag) {
      this.#ufrag = this.#agreed.local.ufrag;
      this.#wantsRestart = true;
    }
    this.#pending = {};
    this.#signaling = "stable";
  }

  apply({ type, sdp }: Description): void {
    const remote = readSdp(sdp);
    if (type === "answer") return this.#takeAnswer(remote);
    if (this.#signaling === "closed") throw new Error("the connection is closed");
    this.#assertSectionsKept(remote.sections);
    if (this.#signaling === "have-local-offer") this.rollBack();
    for (const { mid, kind } of remote.sections)
      if (!this.#transceivers.some((transceiver) => transceiver.mid === mid)) this.#add(kind, true, mid);
    this.#pending = { remote };
    this.#signaling = "have-remote-offer";
  }

  /** Whether a section's audio or video arrives: agreed on, and the other side has something to send. */
  isReceiving(mid: string): boolean {
    const section = this.#agreed?.local.sections.find((one) => one.mid === mid);
    return section !== undefined && receives(section.direction);
  }

  isSending(mid: string): boolean {
    const section = this.#agreed?.local.sections.find((one) => one.mid === mid);
    const track = this.#transceivers.find((transceiver) => transceiver.mid === mid)?.track;
    return section !== undefined && sends(section.direction) && track !== undefined;
  }

  #offer(): Description {
    if (this.#wantsRestart && this.#agreed) this.#ufrag = this.#newUfrag();
    this.#wantsRestart = false;
    for (const transceiver of this.#transceivers) transceiver.mid ??= this.#newMid();
    const known = this.#agreed?.local.sections.map(({ mid }) => mid) ?? [];
    const added = this.#transceivers.map(({ mid }) => mid ?? "").filter((mid) => !known.includes(mid));
    const sections = [...known, ...added].map((mid) => this.#sectionOf(mid, ({ direction }) => direction));
    const local = this.#write(sections);
    this.#pending = { local };
    this.#signaling = "have-local-offer";
    return { type: "offer", sdp: writeSdp(local) };
  }

  #answer(): Description {
    const { remote } = this.#pending;
    if (!remote) throw new Error("there is no offer to answer");
    const isRestart = this.#agreed !== undefined && this.#agreed.remote.ufrag !== remote.ufrag;
    if (isRestart) this.#ufrag = this.#newUfrag();
    const sections = remote.sections.map(({ mid, direction: offered }) =>
      this.#sectionOf(mid, ({ direction }) => answerTo(offered, direction)),
    );
    const local = this.#write(sections);
    this.#agree({ local, remote, isOfferer: false });
    return { type: "answer", sdp: writeSdp(local) };
  }

  #takeAnswer(remote: VirtualSdp): void {
    const { local } = this.#pending;
    if (this.#signaling !== "have-local-offer" || !local) throw new Error(`no answer is due in ${this.#signaling}`);
    const isFitting =
      remote.sections.length === local.sections.length &&
      remote.sections.every(
        ({ mid, kind }, at) => local.sections[at]?.mid === mid && local.sections[at]?.kind === kind,
      );
    if (!isFitting) throw new Error("the answer does not fit the offer");
    this.#agree({ local, remote, isOfferer: true });
  }

  #agree(agreed: Agreed): void {
    this.#agreed = agreed;
    this.#pending = {};
    this.#signaling = "stable";
  }

  /** A description keeps the sections that were agreed on, in their order. */
  #assertSectionsKept(sections: readonly VirtualSection[]): void {
    const known = this.#agreed?.local.sections ?? [];
    if (known.some(({ mid, kind }, at) => sections[at]?.mid !== mid || sections[at]?.kind !== kind))
      throw new Error("the description has lost a section");
  }

  #sectionOf(mid: string, directionOf: (transceiver: VirtualTransceiver) => Direction): VirtualSection {
    const transceiver = this.#transceivers.find((one) => one.mid === mid);
    if (!transceiver) throw new Error(`there is no transceiver for section ${mid}`);
    const { kind, streamId } = transceiver;
    const direction = directionOf(transceiver);
    return { mid, kind, direction, streamId: sends(direction) ? streamId : undefined };
  }

  #write(sections: readonly VirtualSection[]): VirtualSdp {
    this.#version += 1;
    return { origin: `${this.#name} ${this.#version}`, ufrag: this.#ufrag, sections };
  }

  #add(kind: "audio" | "video", isTheirs: boolean, mid?: string): VirtualTransceiver {
    const transceiver: VirtualTransceiver = {
      kind,
      isTheirs,
      mid,
      direction: "recvonly",
      source: undefined,
      streamId: undefined,
      track: undefined,
    };
    this.#transceivers.push(transceiver);
    return transceiver;
  }

  /** Neither of ours nor, as far as we know, of theirs. */
  #newMid(): string {
    const used = new Set(this.#transceivers.map(({ mid }) => mid));
    for (let number = 0; ; number += 1) if (!used.has(String(number))) return String(number);
  }

  #newUfrag(): string {
    this.#round += 1;
    return `${this.#name}-${this.#round}`;
  }
}
