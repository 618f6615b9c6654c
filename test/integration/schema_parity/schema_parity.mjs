// The JSON Schema (by ajv) and the parser (by config_check) must judge alike: every shipped
// configuration and every good snippet pass both, every bad snippet is refused by both.
//
//   node schema_parity.mjs CONFIG_CHECK SOURCE_DIR
//
// Ends 0 (they agree), 1 (they do not), 77 (ajv is not installed: "npm ci" in this folder).
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [configCheck, sourceDir] = process.argv.slice(2);

let Ajv;
try {
  Ajv = (await import("ajv")).default;
} catch {
  console.log('skipped: ajv is missing; run "npm ci" in test/integration/schema_parity');
  process.exit(77);
}

/** JSON with comments and trailing commas as plain JSON. */
function plain(text) {
  const string = '"(?:\\\\.|[^"\\\\])*"';
  const uncommented = text.replace(
    new RegExp(`(${string})|//[^\\n]*|/\\*[^]*?\\*/`, "g"), (_, kept) => kept ?? " ");
  return uncommented.replace(new RegExp(`(${string})|,(?=\\s*[}\\]])`, "g"), (_, kept) => kept ?? "");
}

/** A file that is good, to be spoilt in one place at a time. */
const base = () => ({
  frontends: { www: { bind: ":80", default_backend: "app" } },
  backends: { app: { servers: { a: "10.0.0.1:80" } } },
});
const root = (more) => ({ ...base(), ...more });
const frontend = (more) => {
  const file = base();
  Object.assign(file.frontends.www, more);
  return file;
};
const backend = (more) => {
  const file = base();
  Object.assign(file.backends.app, more);
  return file;
};
const server = (more) => backend({ servers: { a: { address: "10.0.0.1:80", ...more } } });
const rule = (more) => frontend({ rules: [more] });

// What the shipped files and the good snippets read from beside them.
const credentials = mkdtempSync(join(tmpdir(), "tandem-credentials-"));
writeFileSync(join(credentials, "peer.key"), "a secret for samples\n", { mode: 0o600 });
const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
  "-nodes", "-subj", "/CN=www.example.org", "-keyout", join(credentials, "site.pem.key"),
  "-out", join(credentials, "site.pem")]);
if (made.status !== 0) throw new Error(`openssl: ${made.stderr}`);
writeFileSync(join(credentials, "clients.pem"), readFileSync(join(credentials, "site.pem")));
const pem = { crt: join(credentials, "site.pem") };

const good = {
  "the base itself": base(),
  "rules on a hello": root({ defaults: { mode: "tcp", "inspect-delay": "1s" }, frontends: { www: {
    bind: ":80", default_backend: "app", rules: [ { if: { "req.ssl_sni": ["a", "*.b"],
      "req.ssl_sni_end": "c", not: { "req.ssl_alpn": ["h2"] } }, use_backend: "app" } ] } } }),
  "a plain and a full bind": frontend({ bind: [":80", { address: "[::1]:81", backlog: 5 }] }),
  "a variable as a word": backend({ "http-reuse": "${REUSE:-safe}" }),
  "a variable as a duration": frontend({ timeout: { client: "${T:-5s}" } }),
  "a variable as an address": backend({ servers: { a: "${HOST:-10.0.0.1}:80" } }),
  "an unbounded hash": backend({ balance: "source", "hash-balance-factor": 0 }),
  "a bounded hash": backend({ balance: "uri whole", "hash-balance-factor": 101 }),
  "random with a number": backend({ balance: "random(3)" }),
  "hash by header": backend({ balance: "hash", hash: "hdr(X-User)" }),
  "hash by query": backend({ balance: "hash", hash: "pathq" }),
  "no certificates": root({ certificates: {} }),
  "ssl with h2": frontend({ bind: { address: ":443", ssl: { ...pem, alpn: ["http/1.1", "h2"] } } }),
  "HTTP/2 to a server": server({ proto: "h2" }),
  "ssl with a file": frontend({ bind: { address: ":443", ssl: pem } }),
  "ssl with names": {
    ...frontend({ bind: [":80", { address: ":443", ssl: { certificates: ["site"], alpn: "http/1.1",
      "min-ver": "TLSv1.3", "strict-sni": true, curves: "${CURVES:-X25519}" } }] }),
    certificates: { site: { crt: [pem.crt] } },
  },
  "check by truth": backend({ check: true }),
  "check by object": backend({ check: { type: "http", expect: { status: [200, "300-399"] } } }),
  "check by steps": backend({ check: { steps: [{ send: "a\r\n" }, { "expect-hex": "0aff" }] } }),
  "check of a database": backend({ check: { type: "pgsql", user: "m", role: "primary" } }),
  "check switched off": server({ check: false }),
  "several words": backend({ "retry-on": ["conn-failure", "empty-response"] }),
  "one word": backend({ "retry-on": "none" }),
  "header rules": rule({ "set-header": { "X-A": "%[src]", "Host": "a" } }),
  "a header rule for many": rule({ "del-header": ["X-A", "X-B"] }),
  "a redirect": rule({ redirect: { scheme: "https", code: 308 } }),
  "an answer": rule({ if: { host: ["a", "*.b"], not: { path: "/x" } }, return: { string: "a\nb" } }),
  "a control socket": root({ runtime: [{ bind: "unix:/run/x", mode: "0660", level: "admin" }] }),
  "an access log": root({ log: { access: { target: "syslog:/dev/log", format: "clf" } } }),
  "a password": root({ admin: { auth: { ops: "x" } } }),
  "HAProxy's metrics switched off": root({ metrics: { compat: false } }),
  "headers from everybody": frontend({ bind: { address: ":80", "accept-proxy": true } }),
  "headers from networks": frontend({ bind: { address: ":80", "accept-proxy": ["10.0.0.0/8", "::1"] } }),
  "compression with all defaults": frontend({ compression: true }),
  "compression that is off": backend({ compression: false }),
  "compression in full": root({ defaults: { compression: { algo: ["gzip", "br"], type: "text/*",
    "min-size": 0, level: 9, offload: true } } }),
  "headers from one network": frontend({ bind: { address: ":80", "accept-proxy": "10.0.0.0/8" } }),
  "tls to a server": server({ ssl: true, "check-ssl": false }),
  "tls to a server, in full": server({ ssl: { verify: "none", sni: "", verifyhost: "app.internal", "min-ver": "TLSv1.3", ...pem } }),
  "log format tcplog": root({ log: { access: { format: "tcplog" } } }),
  "headers to a server": server({ "send-proxy": "v2", "check-send-proxy": false }),
  "includes": root({ include: "none/*.jsonc", $schema: "x" }),
};

const bad = {
  "an array as file": [],
  "an unknown key": root({ fronteds: {} }),
  "metrics as a word": root({ metrics: { compat: "yes" } }),
  "failover": root({ failover: {} }),
  "a certificate without a file": root({ certificates: { a: {} } }),
  "a certificate as a file": root({ certificates: { a: "a.pem" } }),
  "a certificate without a name": root({ certificates: { "": { crt: "a.pem" } } }),
  "resolvers": root({ resolvers: {} }),
  "an empty include": root({ include: [] }),
  "a number of threads as text": root({ global: { nbthread: "4" } }),
  "too many threads": root({ global: { nbthread: 257 } }),
  "a fraction": root({ global: { nbthread: 1.5 } }),
  "a duration without unit": root({ global: { grace: "30" } }),
  "a duration as number": root({ global: { grace: 30 } }),
  "an unknown unit": root({ global: { grace: "30sec" } }),
  "a line break in a name": root({ global: { node: "a\nb" } }),
  "an empty name": root({ global: { node: "" } }),
  "runtime as object": root({ runtime: { bind: "unix:/x" } }),
  "a socket without address": root({ runtime: [{}] }),
  "a mode that is not octal": root({ runtime: [{ bind: "unix:/x", mode: "688" }] }),
  "an unknown level": root({ runtime: [{ bind: "unix:/x", level: "root" }] }),
  "a uri without slash": root({ admin: { "stats-uri": "stats" } }),
  "a user with a colon": root({ admin: { auth: { "a:b": "x" } } }),
  "an empty password": root({ admin: { auth: { a: "" } } }),
  "an unknown log target": root({ log: { access: { target: "disk" } } }),
  "a log file": root({ log: { target: "file:/x" } }),
  "bind in defaults": root({ defaults: { bind: ":80" } }),
  "no bind": { frontends: { www: {} } },
  "no bind at all": frontend({ bind: [] }),
  "a bind without port": frontend({ bind: "10.0.0.1" }),
  "a bind as number": frontend({ bind: 80 }),
  "a bind without address": frontend({ bind: { backlog: 1 } }),
  "ssl without a certificate": frontend({ bind: { address: ":443", ssl: {} } }),
  "ssl with names and files": frontend({ bind: { address: ":443", ssl: { certificates: "a", crt: "a.pem" } } }),
  "ssl as truth": frontend({ bind: { address: ":443", ssl: true } }),
  "ssl with TLS 1.1": frontend({ bind: { address: ":443", ssl: { ...pem, "min-ver": "TLSv1.1" } } }),
  "ssl with h3": frontend({ bind: { address: ":443", ssl: { ...pem, alpn: ["h3", "http/1.1"] } } }),
  "ssl with an unknown demand": frontend({ bind: { address: ":443", ssl: { ...pem, verify: "maybe" } } }),
  "ssl with a deep chain": frontend({ bind: { address: ":443", ssl: { ...pem, "verify-depth": 101 } } }),
  "accept-proxy as number": frontend({ bind: { address: ":80", "accept-proxy": 1 } }),
  "accept-proxy without networks": frontend({ bind: { address: ":80", "accept-proxy": [] } }),
  "accept-proxy from names": frontend({ bind: { address: ":80", "accept-proxy": ["lb one"] } }),
  "compression by deflate": frontend({ compression: { algo: "deflate" } }),
  "compression of no type": frontend({ compression: { type: [] } }),
  "compression at level 10": backend({ compression: { level: 10 } }),
  "compression from a size in words": backend({ compression: { "min-size": "1k" } }),
  "compression with an unknown key": backend({ compression: { types: ["text/*"] } }),
  "an error page for 200": frontend({ errorfiles: { 200: "x" } }),
  "a header name with a blank": frontend({ "unique-id-header": "X Id" }),
  "a frontend's name with a slash": { frontends: { "a/b": { bind: ":80" } } },
  "a rule without action": rule({ if: { path: "/" } }),
  "a rule with two actions": rule({ use_backend: "app", return: {} }),
  "deny": rule({ deny: 403 }),
  "rate-limit": rule({ "rate-limit": {}, return: {} }),
  "a header of two lines": rule({ "set-header": { "X-A": "1\r\nX-B: 2" } }),
  "a header whose name is none": rule({ "set-header": { "X A": "1" } }),
  "two kinds of header rule in one": rule({ "set-header": { "X-A": "1" }, "del-header": "X-B" }),
  "a condition on src": rule({ if: { src: "10.0.0.0/8" }, return: {} }),
  "ssl_fc as word": rule({ if: { ssl_fc: "yes" }, return: {} }),
  "not inside not": rule({ if: { not: { not: {} } }, return: {} }),
  "an empty list of hosts": rule({ if: { host: [] }, return: {} }),
  "a path without slash": rule({ if: { path_beg: "x" }, return: {} }),
  "a redirect to nowhere": rule({ redirect: {} }),
  "a redirect to two places": rule({ redirect: { scheme: "https", location: "/" } }),
  "a redirect with code 300": rule({ redirect: { scheme: "https", code: 300 } }),
  "an answer 199": rule({ return: { status: 199 } }),
  "an unknown policy": backend({ balance: "leastcon" }),
  "random of none": backend({ balance: "random(0)" }),
  "a policy with a tail": backend({ balance: "source whole" }),
  "an unknown hash key": backend({ balance: "hash", hash: "header(X)" }),
  "a factor of 100": backend({ balance: "uri", "hash-balance-factor": 100 }),
  "an unknown reuse": backend({ "http-reuse": "Safe" }),
  "no word to retry on": backend({ "retry-on": [] }),
  "cookie": backend({ cookie: {} }),
  "server-template": backend({ "server-template": {} }),
  "a check for a directory": backend({ check: { type: "ldap" } }),
  "a name in a hello that is a number": rule({ if: { "req.ssl_sni": 1 }, use_backend: "app" }),
  "no name in a hello": rule({ if: { "req.ssl_sni_end": "" }, use_backend: "app" }),
  "a time for hellos without a unit": frontend({ "inspect-delay": 5 }),
  "a check as word": backend({ check: "http" }),
  "a status of 600": backend({ check: { type: "http", expect: { status: 600 } } }),
  "servers as array": backend({ servers: ["10.0.0.1:80"] }),
  "a server as number": backend({ servers: { a: 80 } }),
  "a server without port": backend({ servers: { a: "10.0.0.1" } }),
  "a server's name with a blank": backend({ servers: { "a b": "10.0.0.1:80" } }),
  "a weight of 257": server({ weight: 257 }),
  "a rise of 0": server({ rise: 0 }),
  "backup as text": server({ backup: "yes" }),
  "an unknown state": server({ state: "up" }),
  "a check as object on a server": server({ check: {} }),
  "ssl on a server as word": server({ ssl: "yes" }),
  "a server that may prove itself": server({ ssl: { verify: "optional" } }),
  "alpn towards a server": server({ ssl: { alpn: "h2" } }),
  "send-proxy of no version": server({ "send-proxy": true }),
  "an unknown version of send-proxy": server({ "send-proxy": "v3" }),
  "check-send-proxy as word": server({ "check-send-proxy": "v1" }),
  "proto": server({ proto: "h3" }),
  "address in default-server": backend({ "default-server": { address: "10.0.0.1:80" } }),
};

const schema = JSON.parse(readFileSync(join(sourceDir, "etc/tandem.schema.json"), "utf8"));
// strictTypes off: ajv would have each alternative repeat the type it stands beside.
const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
const validate = ajv.compile(schema);

let failures = 0;
function judge(name, file, value, wanted) {
  const bySchema = validate(value);
  const said = spawnSync(configCheck, [file], {
    encoding: "utf8", env: { ...process.env, CREDENTIALS_DIRECTORY: credentials },
  });
  const byParser = said.status === 0;
  if (bySchema === wanted && byParser === wanted) return;
  failures += 1;
  console.log(`${name}: ${wanted ? "good" : "bad"}, but the schema says ${bySchema ? "good" : "bad"}` +
      ` and the parser says ${byParser ? "good" : "bad"} (exit ${said.status})`);
  if (wanted) console.log(JSON.stringify(validate.errors, null, 1), said.stderr);
}

const scratch = mkdtempSync(join(tmpdir(), "tandem-schema-"));
try {
  const shipped = ["etc", "etc/examples"].flatMap((folder) =>
    readdirSync(join(sourceDir, folder))
      .filter((name) => name.endsWith(".jsonc"))
      .map((name) => join(sourceDir, folder, name)));
  for (const file of shipped) judge(file, file, JSON.parse(plain(readFileSync(file, "utf8"))), true);
  const snippet = join(scratch, "snippet.jsonc");
  for (const [list, wanted] of [[good, true], [bad, false]]) {
    for (const [name, value] of Object.entries(list)) {
      writeFileSync(snippet, JSON.stringify(value));
      judge(name, snippet, value, wanted);
    }
  }
  const count = shipped.length + Object.keys(good).length + Object.keys(bad).length;
  console.log(`${count} configurations, ${failures} disagreements`);
} finally {
  for (const folder of [scratch, credentials]) rmSync(folder, { recursive: true });
}
process.exit(failures === 0 ? 0 : 1);
