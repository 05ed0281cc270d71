// perClient: one value for each client, made when it is first asked for, and kept for as long as the client.

/** Returns a function that makes the value of a client once, and then returns the same value for that client. */
export function perClient<Client extends object, T>(make: (client: Client) => T): (client: Client) => T {
  const made = new WeakMap<Client, { readonly value: T }>();
  return (client) => {
    let known = made.get(client);
    if (!known) made.set(client, (known = { value: make(client) }));
    return known.value;
  };
}
