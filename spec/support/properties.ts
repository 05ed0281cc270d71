// Properties: the same random cases at every run, or others on demand: FC_SEED=… FC_RUNS=… npm test.
import fc from "fast-check";

// A gate that throws dice says nothing about the change it judges.
fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? 20_261_121) });

/** How many cases of a property are tried, unless the environment wants more. */
export const runs = (usual: number): number => Number(process.env["FC_RUNS"] ?? usual);
