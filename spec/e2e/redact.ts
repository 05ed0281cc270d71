// Redact: takes access tokens and other secrets out of text, for instance of console lines and addresses.

const secrets = [
  // Synapse's access tokens and JSON Web Tokens.
  /\b(?:syt|mct)_\w+/g,
  /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g,
  /(?<=\b(?:access_token|token|jwt|delay_id)["']?[=:] ?["']?)[^"'&\s,}]+/gi,
  /(?<=\bBearer )\S+/gi,
];

export const redacted = (text: string): string =>
  secrets.reduce((rest, secret) => rest.replaceAll(secret, "<redacted>"), text);
