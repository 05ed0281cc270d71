// Properties: the same random cases in every run. For other cases: FC_SEED=… FC_RUNS=… npm test.
import fc from "fast-check";

// A check with random results would say nothing about a change.
export const seed = Number(process.env["FC_SEED"] ?? 20_261_121);
fc.configureGlobal({ seed });

/** How many cases of a property to try. The environment can override it. */
export const runs = (usual: number): number => Number(process.env["FC_RUNS"] ?? usual);
