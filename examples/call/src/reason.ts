// Reason: an error in words for people.
import { ConnectionError, MatrixError } from "matrix-js-sdk";

export function reasonOf(error: unknown): string {
  if (error instanceof ConnectionError) return "The homeserver does not answer.";
  if (error instanceof MatrixError) return error.data.error ?? error.errcode ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
