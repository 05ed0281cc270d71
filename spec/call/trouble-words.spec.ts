// What the page says if a room cannot be entered, and for every other error of the client.
import { ConnectionError, MatrixError } from "matrix-js-sdk";
import { expect, it } from "vitest";
import { reasonOf } from "../../examples/call/src/words.ts";

it.each([
  ["is unknown", new MatrixError({ errcode: "M_NOT_FOUND", error: "No known servers" }, 404), "No known servers"],
  ["is not for us", new MatrixError({ errcode: "M_FORBIDDEN", error: "Not invited" }, 403), "Not invited"],
  ["is refused without a sentence", new MatrixError({ errcode: "M_FORBIDDEN" }, 403), "M_FORBIDDEN"],
  ["is out of reach", new ConnectionError("failed"), "The homeserver does not answer."],
])("a link to a room that %s leads to a page with the reason (N6)", (_, error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
