// Bounds: how long the strings of foreign events can be, in UTF-16 code units. Longer ones are refused when they are parsed.
import { isString } from "./json.ts";

/** Ids of users, devices, members, events and slots, and event types. Matrix limits most of them to 255 bytes. */
const maxIdLength = 255;

/** State keys, which can be an owned key of MSC3757: a user id, a separator and 255 bytes. */
const maxStateKeyLength = 511;

/** URLs. */
const maxUrlLength = 2_048;

/** Words: application types, transport types, intents. */
const maxWordLength = 64;

/** Whether a value can be an id. It may be empty. */
export const isId = (value: unknown): value is string => isString(value) && value.length <= maxIdLength;

export const isStateKey = (value: unknown): value is string => isString(value) && value.length <= maxStateKeyLength;

/** Whether a value is a string that is short enough for a URL. */
export const isUrlText = (value: unknown): value is string => isString(value) && value.length <= maxUrlLength;

export const isWord = (value: unknown): value is string => isString(value) && value.length <= maxWordLength;
