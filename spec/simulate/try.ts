import { draw } from "./draw.ts";
import { run } from "./run.ts";
const [from, to, small] = process.argv.slice(2).map(Number);
const t0 = performance.now();
let virtual = 0;
const counts = new Map<string, number[]>();
for (let seed = from!; seed <= to!; seed++) {
  const scenario = draw(seed, { isSmall: small === 1, withoutSdk: !process.env.SDK });
  const t = performance.now();
  const { violation, lines, virtualMs } = await run(scenario);
  virtual += virtualMs;
  const took = performance.now() - t;
  if (took > 3000) console.log(`seed ${seed} took ${took | 0} ms, ${scenario.devices.length} devices ${scenario.calmMs / 60000} min`);
  if (violation) {
    const k = `${violation.invariant} ${violation.how}`;
    counts.set(k, [...(counts.get(k) ?? []), seed]);
    if (from === to) {
      console.log(JSON.stringify(scenario, null, 1).slice(0, 6000));
      for (const { ms, device, text } of lines.slice(-Number(process.env.N ?? 80))) console.log(ms, device === undefined ? "-" : `${scenario.devices[device]!.user}/${scenario.devices[device]!.deviceId}`, text.slice(0, 220));
      console.log(violation);
    }
  }
}
const s = (performance.now() - t0) / 1000;
console.log(`${to! - from! + 1} seeds in ${s.toFixed(1)} s: ${((to! - from! + 1) / s).toFixed(1)} a second`);
for (const [k, v] of [...counts].sort((a, b) => b[1].length - a[1].length)) console.log(v.length, k, v.slice(0, 8).join(" "));
