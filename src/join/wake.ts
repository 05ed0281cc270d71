// Wake: when the lifecycle has to look again without anything having happened.
import { armedLeave, type Facts, type Settings } from "./facts.ts";
import { echoGraceMs, lingerMs } from "./moves.ts";

/** When something becomes due by the clock alone. */
export function wakeTs(settings: Settings, facts: Facts, now: number): number {
  if (facts.over) return Infinity;
  const armed = armedLeave(facts);
  const times = [
    ...facts.flights.map(({ overdueTs }) => overdueTs),
    ...Object.values(facts.notBefore),
    ...Object.values(facts.retryTs),
    armed?.restartTs,
    armed?.leaveTs,
    facts.delayed.status === "unsupported" ? facts.delayed.retryTs : undefined,
    facts.refreshTs,
    facts.expiresTs,
    facts.dirty?.dueTs,
    facts.missing || facts.dirty ? facts.joinedTs + echoGraceMs : undefined,
    facts.leaving && facts.leaving.sinceTs + settings.leaveTimeoutMs,
    facts.leaving && facts.leaving.sinceTs + lingerMs,
  ];
  return Math.min(...times.filter((ts) => ts !== undefined && ts > now).map(Number));
}
