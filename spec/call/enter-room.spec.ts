// Entering the room of a link: what the page shows while it waits, and if the room cannot be entered.
import { ConnectionError, type MatrixClient, MatrixError } from "matrix-js-sdk";
import { beforeEach, expect, it, vi } from "vitest";
import { enterRoom } from "../../examples/call/src/enter-room.ts";

/** The part of an element that the page uses. */
class FakeElement extends EventTarget {
  static focused: FakeElement | undefined;
  readonly tag: string;
  parent: FakeElement | undefined;
  children: (FakeElement | string)[] = [];
  tabIndex = 0;
  role = "";

  constructor(tag: string) {
    super();
    this.tag = tag;
  }
  append(...nodes: (FakeElement | string)[]): void {
    for (const node of nodes) if (typeof node !== "string") node.parent = this;
    this.children.push(...nodes);
  }
  remove(): void {
    const { parent } = this;
    if (parent) parent.children = parent.children.filter((child) => child !== this);
    this.parent = undefined;
  }
  get isConnected(): boolean {
    return this.parent !== undefined;
  }
  querySelector(): null {
    return null;
  }
  focus(): void {
    FakeElement.focused = this;
  }
  get text(): string {
    return this.children.map((child) => (typeof child === "string" ? child : child.text)).join(" ");
  }
  find(has: (element: FakeElement) => boolean): FakeElement | undefined {
    for (const child of this.children) {
      const found = typeof child === "string" ? undefined : has(child) ? child : child.find(has);
      if (found) return found;
    }
    return undefined;
  }
}

let main = new FakeElement("main");

beforeEach(() => {
  main = new FakeElement("main");
  vi.stubGlobal("document", { createElement: (tag: string) => new FakeElement(tag), querySelector: () => main });
  vi.stubGlobal("location", { href: "https://call.example.org/", pathname: "/", search: "", hash: "" });
  vi.stubGlobal("history", { replaceState: () => {} });
  return () => vi.unstubAllGlobals();
});

/** A client that cannot enter the room at first. */
function clientThatFails(refusal: Error): MatrixClient {
  const errors = [refusal];
  let isIn = false;
  const client = Object.assign(new EventTarget(), {
    baseUrl: "https://matrix.example.org",
    getDomain: () => "example.org",
    getRoom: () => ({ getMyMembership: () => (isIn ? "join" : "leave"), hasEncryptionStateEvent: () => isIn }),
    joinRoom: async () => {
      const error = errors.shift();
      if (error) throw error;
      isIn = true;
      return { roomId: "!kitchen:example.org" };
    },
  });
  return client as unknown as MatrixClient;
}

it.each([
  ["is unknown", new MatrixError({ errcode: "M_NOT_FOUND", error: "No known servers" }, 404), "No known servers"],
  [
    "is not for us",
    new MatrixError({ errcode: "M_FORBIDDEN", error: "You are not invited" }, 403),
    "You are not invited",
  ],
  ["is out of reach", new ConnectionError("failed"), "The homeserver does not answer."],
])("a link to a room that %s shows why, and a way on (N6)", async (_, refusal, reason) => {
  const entered: string[] = [];
  const entering = enterRoom(clientThatFails(refusal), {
    homeserver: undefined,
    roomId: "!kitchen:example.org",
    via: [],
    mode: "compatibility",
    camera: undefined,
  }).subscribe((roomId) => entered.push(roomId));

  expect(main.text).toBe("Entering the room…");
  await vi.waitFor(() => expect(main.text).toContain("This room cannot be entered"));
  expect(main.find(({ role }) => role === "alert")?.text).toBe(reason);
  expect(FakeElement.focused?.text).toBe(main.text);

  main.find(({ tag }) => tag === "button")?.dispatchEvent(new Event("click"));
  await vi.waitFor(() => expect(entered).toEqual(["!kitchen:example.org"]));
  expect(main.children).toEqual([]);
  entering.unsubscribe();
});
