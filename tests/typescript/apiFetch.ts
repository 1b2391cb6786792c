// What a front end does once, at its start: its service modules call /api/... and know neither address nor token.

export function sendApiCallsTo(apiUrl: string, token: () => string | Promise<string>) {
  const plainFetch = globalThis.fetch;
  globalThis.fetch = async (input: RequestInfo | URL, init?: RequestInit) => {
    if (typeof input !== 'string' || !input.startsWith('/api/')) return plainFetch(input, init);
    const headers = new Headers(init?.headers);
    headers.set('Authorization', `Bearer ${await token()}`);
    return plainFetch(apiUrl + input, { ...init, headers });
  };
}
