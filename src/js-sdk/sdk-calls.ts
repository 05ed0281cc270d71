// SdkCalls: what calls need of a client beside the rest: timeline events of some types in all rooms, and relay servers.
import type { MatrixClient } from "matrix-js-sdk";
import type { Matrix } from "../matrix.ts";
import { pathOf, request } from "./sdk-request.ts";
import { timelineEventsOf } from "./sdk-timeline-events.ts";

export const callsOf = (client: MatrixClient): Required<Pick<Matrix, "timelineEvents" | "turnServer">> => ({
  timelineEvents: (types) => timelineEventsOf(client, types),
  turnServer: () => request(client, { method: "GET", path: pathOf("voip", "turnServer") }),
});
