// Words: what errors, problems, states and views are called on the page.
import { ConnectionError, MatrixError } from "matrix-js-sdk";
import type { JoinState } from "matrixrtc-rx";
import type { SetupStep } from "matrixrtc-rx/check";
import type { CallProblem, DeviceFailure, MediaEncryption, MediaLock, MediaView } from "matrixrtc-rx/media";
import words from "./words.json" with { type: "json" };

export const meshWords: string = words.mesh;
export const lockWords: Readonly<Record<MediaLock, string>> = words.locks;
export const soundWords = words.sounds;

export function reasonOf(error: unknown): string {
  if (error instanceof ConnectionError) return "The homeserver does not answer.";
  if (error instanceof MatrixError) return error.data.error ?? error.errcode ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

/** The worst problem, or else what is going on; empty for a call that is well. */
export function bannerOf({ status }: JoinState, [worst]: readonly CallProblem[], nameOf: (userId: string) => string) {
  if (!worst) return words.states[status];
  const { code, member, detail } = worst;
  return `${member ? `${nameOf(member.userId)} ` : ""}${words.problems[code]}${code === "device-failed" ? ` ${detail}` : ""}`;
}

export const deviceWords = (failures: readonly DeviceFailure[]): string =>
  failures.map(({ source, code }) => `${words.devices[source]} ${words.deviceFailures[code]}`).join("\n");

/** Why calls do not work here; empty if they do. Without an SFU they work over a mesh. */
export function setupWords(steps: readonly SetupStep[]): string {
  const failed = steps.find(({ status }) => status === "failed");
  if (!failed) return "";
  return failed.step === "transport" ? words.mesh : `Calls may not work: ${failed.details.join(" ")}`;
}

/** Why a tile shows no picture; empty if nothing is wrong. */
export const viewWords = (view: MediaView, encryption: MediaEncryption): string =>
  words.views[view] + ("reason" in encryption && words.views[view].endsWith(" ") ? encryption.reason : "");
