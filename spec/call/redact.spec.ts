import { expect, it } from "vitest";
import { redacted } from "../e2e/redact.ts";

it.each([
  [
    "WebSocket connection to 'ws://127.0.0.1:7880/rtc?access_token=eyJhbGci.eyJzdWIi.x-Y_z&auto_subscribe=1' failed",
    "WebSocket connection to 'ws://127.0.0.1:7880/rtc?access_token=<redacted>&auto_subscribe=1' failed",
  ],
  ['{"access_token":"secret","expires_in":3600}', '{"access_token":"<redacted>","expires_in":3600}'],
  ["Authorization: Bearer abc.def", "Authorization: Bearer <redacted>"],
  ["logged in with syt_YWxpY2U_abc_123", "logged in with <redacted>"],
  ["delay_id=syd_1 was cancelled", "delay_id=<redacted> was cancelled"],
  ["MissingKey: missing key at index 0", "MissingKey: missing key at index 0"],
])("the output of the end-to-end test shows no secret of %j", (text, expected) =>
  expect(redacted(text)).toBe(expected),
);
