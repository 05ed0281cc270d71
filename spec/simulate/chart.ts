// Chart: the last seconds of a simulation, one lane for each device.
import type { Scenario } from "./scenario.ts";
import type { LogLine } from "./world.ts";

const laneWidth = 34;

/** What happens all the time says nothing. */
const isNoise = (text: string): boolean =>
  text === "> restart" ||
  text === "state joined" ||
  text.startsWith("media-decryption") ||
  text.startsWith("key-delivered");

/** The last lines before the end, newest last. */
export function chart({ devices }: Scenario, lines: readonly LogLine[], maxLines = 60): string {
  const shown = lines.filter(({ text, device }) => device !== undefined && !isNoise(text)).slice(-maxLines);
  const names = devices.map(({ user, deviceId, client, mode }) => `${user}/${deviceId} ${client} ${mode}`);
  const rows = shown.map(({ ms, device, text }) => {
    const cells = names.map((_, index) => (index === device ? inWords(text) : "·"));
    return row((ms / 1_000).toFixed(3), cells);
  });
  return [row("s", names), ...rows].join("\n");
}

function row(time: string, cells: readonly string[]): string {
  return [time.padStart(10), ...cells.map((cell) => cell.slice(0, laneWidth).padEnd(laneWidth))].join("  ").trimEnd();
}

/** A line without what is long and says little. */
function inWords(text: string): string {
  const [kind = "", ...rest] = text.split(" ");
  const json = rest.join(" ");
  if (!json.startsWith("{")) return text;
  const fields = JSON.parse(json) as Record<string, unknown>;
  const { member, rejection } = fields as { member?: Record<string, unknown>; rejection?: Record<string, unknown> };
  if (member || rejection) {
    const { userId, sender, deviceId, reason } = { ...member, ...rejection };
    return `${kind} ${String(userId ?? sender).slice(1, 6)}/${String(deviceId)} ${reason === undefined ? "" : String(reason)}`;
  }
  return `${kind} ${Object.values(fields)
    .filter((value) => typeof value !== "object")
    .join(" ")}`;
}
