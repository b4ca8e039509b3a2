// Requests to the server of this page, with the token that stands in the page's address.

export class Refused extends Error {}

export class Api {
  constructor(token) {
    this.token = token;
  }

  async get(path, parameters = {}, signal = undefined) {
    const query = new URLSearchParams(parameters);
    return this.#answer(await fetch(`/api/${path}?${query}`, { headers: this.#headers(), signal }));
  }

  async act(source, question) {
    const query = new URLSearchParams({ source });
    const body = JSON.stringify(question);
    return this.#answer(await fetch(`/api/act?${query}`, { method: "POST", headers: this.#headers(), body }));
  }

  #headers() {
    return { Authorization: `Bearer ${this.token}` };
  }

  async #answer(response) {
    const found = await response.json();
    if (!response.ok) throw new Refused(found.error ?? `status ${response.status}`);
    return found;
  }
}
