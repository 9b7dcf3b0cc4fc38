// The library's storage on a Map, so that a test can change a client while the provider runs.

/// The class that the library wants for each of its models. What is too old is kept: the library looks at the date
/// itself, and says `expired_token` only of what it finds (RFC 8628 3.5).
export function adapterOn(store) {
  return class {
    constructor(model) {
      this.prefix = `${model}:`;
    }

    async upsert(id, payload) {
      store.set(this.prefix + id, { payload });
    }

    async find(id) {
      const entry = store.get(this.prefix + id);
      return entry && { ...entry.payload };
    }

    async findByUserCode(userCode) {
      return this.findBy('userCode', userCode);
    }

    async findByUid(uid) {
      return this.findBy('uid', uid);
    }

    async consume(id) {
      const entry = store.get(this.prefix + id);
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      store.delete(this.prefix + id);
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of store) if (payload.grantId === grantId) store.delete(key);
    }

    findBy(field, value) {
      for (const [key, { payload }] of store) if (key.startsWith(this.prefix) && payload[field] === value) return { ...payload };
      return undefined;
    }
  };
}
