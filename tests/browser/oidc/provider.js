// An OpenID Connect provider with its own pages for sign-in and consent. Whoever signs in as NAME is in the group
// "log-staff". Prints its address.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [redirectUri, postLogoutUri] = process.argv.slice(2);

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: "enhancelog",
        client_secret: "a secret of some length",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [postLogoutUri],
      },
    ],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
    cookies: { keys: ["a key of the tests"] },
    pkce: { required: () => true },
    findAccount: (context, sub) => ({
      accountId: sub,
      claims: () => ({ sub, preferred_username: sub, email: `${sub}@example.org`, groups: ["log-staff"] }),
    }),
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
