// The virtual homeserver beside a real Synapse: `npm run conformance`.
import config from "../../homeserver/vitest.config.ts";

config.test.include = ["spec/testing/conformance/*.real.ts"];
export default config;
