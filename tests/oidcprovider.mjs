// A real OpenID Connect provider for tests: node tests/oidcprovider.mjs PORT CALLBACK
// Whoever gives a name there is that person. PUT /bent {"aud": "another"} has it put these claims into
// the next ID tokens, signed with its own key ({"signed": "otherwise"}: with another one).
import { generateKeyPairSync } from "node:crypto";
import { SignJWT, decodeJwt, exportJWK } from "jose";
import Provider from "oidc-provider";

const [port, callback] = process.argv.slice(2);
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const [own, other] = [pair(), pair()];
const jwk = { ...(await exportJWK(own)), kid: "one", use: "sig", alg: "RS256" };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "gridserve", client_secret: "told", redirect_uris: callback.split(",") }],
  jwks: { keys: [jwk] },
  cookies: { keys: ["only for tests"] },
  claims: { openid: ["sub"], profile: ["preferred_username"] },
  pkce: { required: () => true },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: `id-of-${id}`, preferred_username: id }),
  }),
  async loadExistingGrant(ctx) { // nobody is asked twice
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

let bent = null;
provider.use(async (ctx, next) => {
  if (ctx.path === "/bent") {
    const parts = [];
    for await (const part of ctx.req) parts.push(part);
    bent = JSON.parse(Buffer.concat(parts).toString());
    ctx.status = 204;
    return;
  }
  await next();
  if (bent && ctx.path === "/token" && ctx.body?.id_token) {
    const { signed, ...changes } = bent;
    const claims = { ...decodeJwt(ctx.body.id_token), ...changes };
    ctx.body.id_token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", kid: "one" })
      .sign(signed ? other : own);
  }
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
