// Lab: three people on a homeserver, virtual or real, for requests whose outcomes must be the same on both.
import { firstValueFrom, lastValueFrom, type Observable, timer, toArray } from "rxjs";
import { type Matrix, MatrixError } from "../../../src/matrix.ts";

export type Name = "alice" | "bob" | "carl";

export interface LabRoom {
  /** The first one creates it. */
  readonly members: readonly Name[];
  readonly encrypted?: boolean;
  readonly joinRule?: "public" | "invite" | "knock";
  readonly eventLevels?: Readonly<Record<string, number>>;
}

/** What people do with rooms outside of the port. */
export type Deed = "join" | "leave" | "knock" | "invite" | "kick" | "ban" | "unban";

export interface Lab {
  /** The port of the only device of a person. */
  port(name: Name): Matrix;
  createRoom(room: LabRoom): Promise<string>;
  /** What a person does for itself, or what the creator of the room does with a person. Rejects with a `MatrixError`. */
  act(deed: Deed, roomId: string, name: Name): Promise<void>;
  upgrade(roomId: string): Promise<string>;
  /** A person says online, with a text. */
  setPresence(name: Name, text: string): Promise<void>;
  /** The current state events of a type on the server. */
  state(roomId: string, type: string): Promise<readonly { stateKey: string; sender: string; content: unknown }[]>;
}

export const names: readonly Name[] = ["alice", "bob", "carl"];

/** The log of a scenario: each step with its outcome. User, device, room and event ids are replaced by names. */
export class Log {
  readonly #lab: Lab;
  readonly #roomIds: string[] = [];
  readonly #lines: string[] = [];

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  knows(roomId: string): string {
    this.#roomIds.push(roomId);
    return roomId;
  }

  note(step: string, outcome: unknown): void {
    this.#lines.push(this.#named(`${step}: ${textOf(outcome)}`));
  }

  /** Makes a request, and notes its values or the kind of its error. Returns the values. */
  async request<T>(step: string, effect$: Observable<T>): Promise<readonly T[]> {
    try {
      const values = await lastValueFrom(effect$.pipe(toArray()));
      this.note(step, "ok");
      return values;
    } catch (error) {
      this.note(step, kindOf(error));
      return [];
    }
  }

  async deed(step: string, deed: Promise<unknown>): Promise<void> {
    this.note(step, await deed.then(() => "ok", kindOf));
  }

  /** Notes the state events of a type on the server. */
  async state(step: string, roomId: string, type: string): Promise<void> {
    const events = await this.#lab.state(roomId, type);
    const named = events.map(({ stateKey, sender, content }) => this.#named(textOf([stateKey, sender, content])));
    this.#lines.push(`${step}: ${named.toSorted().join(" ") || "none"}`);
  }

  #named(line: string): string {
    let text = line;
    for (const name of names) {
      const { userId, deviceId } = this.#lab.port(name);
      text = text.replaceAll(userId, `@${name}`).replaceAll(deviceId, `${name.toUpperCase()}_DEVICE`);
    }
    for (const [at, roomId] of this.#roomIds.entries()) text = text.replaceAll(roomId, `!room${at + 1}`);
    return text.replaceAll(/\$[\w-]{6,}/g, "$event");
  }
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value, sorted) ?? "undefined");

const sorted = (_: string, value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value;

export function kindOf(error: unknown): string {
  if (!(error instanceof MatrixError)) throw error;
  return error.maxDelayMs === undefined ? error.kind : `${error.kind}, at most ${error.maxDelayMs}`;
}

/** Waits for something that clients see after a sync. */
export async function eventually(holds: () => boolean, limitMs = 10_000): Promise<boolean> {
  const deadlineTs = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > deadlineTs) return false;
    await sleep(10);
  }
  return true;
}

export const sleep = async (ms: number): Promise<void> => void (await firstValueFrom(timer(ms)));
