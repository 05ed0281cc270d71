// Account: one login of this tab, which is one device. It survives a reload and ends with the tab.

export interface Account {
  readonly homeserver: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
}

const storageKey = "matrixrtc-rx account";

export function storedAccount(): Account | undefined {
  const text = sessionStorage.getItem(storageKey);
  return text === null ? undefined : (JSON.parse(text) as Account);
}

export function storeAccount(account: Account): void {
  sessionStorage.setItem(storageKey, JSON.stringify(account));
}

export function forgetAccount(): void {
  sessionStorage.removeItem(storageKey);
}
