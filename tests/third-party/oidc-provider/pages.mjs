// What a person sees of the provider in a browser: a login with a password, a question, a device's code.

/// The password of a person is the name and this.
const PASSWORD = (name) => `${name}-password`;

/// The login and the question, as middleware.
export function pages({ provider, askForGrant }) {
  return async (ctx, next) => {
    const [, uid] = ctx.path.match(/^\/interaction\/([\w-]+)$/) ?? [];
    if (!uid) return next();
    const { prompt, params, session, grantId } = await provider.interactionDetails(ctx.req, ctx.res);
    const show = (html, status = 200) => {
      ctx.status = status;
      ctx.type = 'html';
      ctx.body = html;
    };
    if (ctx.method === 'GET') return show(prompt.name === 'login' ? loginPage() : questionPage(params, session));

    const form = new URLSearchParams(ctx.req.body.toString());
    const finish = async (result) => {
      ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
      ctx.status = 303;
    };
    if (form.get('answer') === 'deny') {
      return finish({ error: 'access_denied', error_description: form.get('words') || 'the person said no' });
    }
    if (prompt.name === 'login') {
      const name = form.get('name') ?? '';
      if (form.get('password') !== PASSWORD(name)) return show(loginPage('That is not the password.'), 401);
      return finish({ login: { accountId: name } });
    }
    return finish({ consent: { grantId: await askForGrant({ grantId, accountId: session.accountId, clientId: params.client_id, details: prompt.details }) } });
  };
}

/// The device flow's pages. The library's own fetch a font from elsewhere.
export const devicePages = {
  async userCodeInputSource(ctx, form, _out, error) {
    const words = error ? `<p class="problem">${escape(error.name)}</p>` : '';
    ctx.body = page('Enter the code', `${words}${form}<button form="op.deviceInputForm">Continue</button>`);
  },
  async userCodeConfirmSource(ctx, form, client, _device, userCode) {
    const buttons = `<button form="op.deviceConfirmForm" id="allow">Continue</button>
      <button form="op.deviceConfirmForm" id="deny" name="abort" value="yes">Abort</button>`;
    ctx.body = page('Is this your device?', `<p>${escape(client.clientName ?? client.clientId)} shows <code>${escape(userCode)}</code></p>${form}${buttons}`);
  },
  async successSource(ctx) {
    ctx.body = page('The device is logged in', '<p>You can go back to it.</p>');
  },
};

/// What the library says where it can send nobody back.
export async function errorPage(ctx, out) {
  ctx.type = 'html';
  ctx.body = page('That did not work', `<p class="problem">${escape(out.error)}: ${escape(out.error_description ?? '')}</p>`);
}

function loginPage(problem) {
  return page('Log in', `${problem ? `<p class="problem">${escape(problem)}</p>` : ''}
    <form method="post">
      <label>Name <input name="name" autocomplete="username" required></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
      <button id="login">Log in</button>
    </form>`);
}

function questionPage({ client_id, scope, resource }, { accountId }) {
  const wants = [...(scope ?? '').split(' '), ...[resource ?? []].flat()].map((it) => `<li>${escape(it)}</li>`);
  return page(`May ${client_id}?`, `<p>${escape(accountId)}, ${escape(client_id)} asks for</p><ul>${wants.join('')}</ul>
    <form method="post">
      <label>Words <input name="words"></label>
      <button id="allow" name="answer" value="allow">Allow</button>
      <button id="deny" name="answer" value="deny">Deny</button>
    </form>`);
}

function page(title, body) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title><h1>${escape(title)}</h1>${body}</html>`;
}

function escape(text) {
  return String(text).replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}
