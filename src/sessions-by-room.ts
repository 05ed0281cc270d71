// SessionsByRoom: one session for each room, for as long as it matters that it is the same.

/** A session is kept for good if somebody asked for it, otherwise for as long as somebody holds it. */
export class SessionsByRoom<S extends object> {
  readonly #open: (roomId: string) => S;
  readonly #asked = new Map<string, S>();
  readonly #held = new Map<string, WeakRef<S>>();
  readonly #forgotten = new FinalizationRegistry<string>((roomId) => {
    if (!this.#held.get(roomId)?.deref()) this.#held.delete(roomId);
  });

  constructor(open: (roomId: string) => S) {
    this.#open = open;
  }

  readonly of = (roomId: string): S => {
    const known = this.#asked.get(roomId) ?? this.#held.get(roomId)?.deref();
    if (known) return known;
    const opened = this.#open(roomId);
    this.#held.set(roomId, new WeakRef(opened));
    this.#forgotten.register(opened, roomId);
    return opened;
  };

  readonly askedFor = (roomId: string): S => {
    const session = this.of(roomId);
    this.#asked.set(roomId, session);
    return session;
  };
}
