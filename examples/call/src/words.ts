// Words: what problems, states and views of a call are called on the page.
import type { JoinState } from "matrixrtc-rx";
import type { CallProblem, CallProblemCode, MediaEncryption, MediaView } from "matrixrtc-rx/media";

const problems: Readonly<Record<CallProblemCode, string>> = {
  "probably-left": "The homeserver does not answer. Others may see you as gone.",
  rejoining: "Rejoining…",
  "login-needed": "The login has expired.",
  "join-delayed": "Joining takes longer than usual.",
  "not-publishing": "No connection to the media server: nobody hears you.",
  "sfu-failed": "No connection to the media server of others.",
  "sfu-reconnecting": "The connection to the media server was lost. Reconnecting…",
  "device-failed": "A device cannot be used",
  "publish-failed": "Your media could not be sent",
  "member-lacks-our-key": "cannot decrypt you yet",
  "member-undecryptable": "cannot be decrypted yet",
  "member-not-encrypted": "is not encrypted",
  "member-unreachable": "cannot be reached",
  "clocks-differ": "The clock of this device is wrong.",
  "no-delayed-leave": "",
};

/** The worst problem in words; empty for none. */
export function bannerOf([worst]: readonly CallProblem[], nameOf: (userId: string) => string): string {
  if (!worst) return "";
  const words = problems[worst.code];
  if (worst.member) return `${nameOf(worst.member.userId)} ${words}`;
  return worst.code === "device-failed" ? `${words}: ${worst.detail}` : words;
}

export function stateWords({ status }: JoinState): string {
  if (status === "joining") return "Joining…";
  return status === "leaving" ? "Leaving…" : "";
}

const views: Readonly<Record<MediaView, string>> = {
  video: "",
  avatar: "",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  "waiting-for-key": "Waiting: ",
  "key-refused": "Key refused: ",
  "not-encrypted": "Not encrypted",
  unreachable: "Cannot be reached",
};

/** Why a tile shows no picture, in words; empty if nothing is wrong. */
export const viewWords = (view: MediaView, encryption: MediaEncryption): string =>
  views[view] + ("reason" in encryption && views[view].endsWith(" ") ? encryption.reason : "");
