// Account: one login, that is one device, of this tab. It survives a reload and ends with the tab.

export interface Account {
  readonly homeserver: string;
  readonly userId: string;
  readonly deviceId: string;
  readonly accessToken: string;
}

const place = "matrixrtc-rx account";

export function storedAccount(): Account | undefined {
  const text = sessionStorage.getItem(place);
  return text === null ? undefined : (JSON.parse(text) as Account);
}

export function storeAccount(account: Account): void {
  sessionStorage.setItem(place, JSON.stringify(account));
}

export function forgetAccount(): void {
  sessionStorage.removeItem(place);
}
