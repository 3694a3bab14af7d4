#!/bin/bash
# Drives sysadmd -demo with independent clients: curl(1) over REST, the WebSocket client
# "ws" of npm under node, which logs in, subscribes, fetches a release and gets its two
# events, and over TLS the messages of the one published client of SysAdm, with its
# Origin. Run by .ci/run.

set -eu -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

. .ci/need.sh
need curl=curl node=nodejs npm=npm

tmp=$(mktemp -d)
pid=
cleanup() {
	[[ -n $pid ]] && kill "$pid" 2>/dev/null && wait "$pid" || true
	rm -rf "$tmp"
}
trap cleanup EXIT

# Where ws is: installed for this run, or for the whole machine.
modules=$tmp/node_modules
if [[ -n ${CI:-} ]]; then
	npm install --silent --no-audit --no-fund --prefix "$tmp" ws@8
elif modules=$(npm root --global); [[ ! -e $modules/ws ]]; then
	echo "missing: ws of npm: npm install --global ws@8"
	exit 1
fi
export NODE_PATH=$modules

go build -o "$tmp/sysadmd" ./cmd/sysadmd

# serve NAME LISTEN starts the daemon and sets address.
serve() {
	: >"$tmp/out" # the daemon may begin later than the loop below
	"$tmp/sysadmd" -demo -demo-dir "$tmp/$1" -listen "$2" >"$tmp/out" 2>"$tmp/log" &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		address=$(sed -n 's/^SysAdm 2017 on //p' "$tmp/out")
		[[ -n $address ]] && return
		kill -0 "$pid" || { cat "$tmp/log"; exit 1; }
		sleep 0.1
	done
}

end() {
	kill "$pid"
	wait "$pid" || fail "sysadmd did not end well"
	pid=
}

fail() { echo "FAILED: $*" >&2; cat "$tmp/log" >&2; exit 1; }

# call USER BODY prints the answer's status and body.
call() {
	curl --silent --show-error --max-time 20 --user "$1" --request PUT \
		--header 'Content-Type: application/json' --data "$2" \
		--write-out '%{http_code}\n' "http://$address/sysadm/iocage"
}

# expect TEXT USER BODY
expect() {
	local got
	got=$(call "$2" "$3")
	[[ $got == *"$1"* ]] || fail "$3: no $1 in: $got"
}

serve demo 127.0.0.1:0
echo "+ curl $(curl --version | sed -n '1s/^curl \([^ ]*\).*/\1/p')"
expect '"uuid": "web"' demo:demo '{"action":"listjails"}'
expect '"+ Started (shared IP mode) OK": ""' demo:demo '{"action":"startjail","jail":"test"}'
expect 'is already up' demo:demo '{"action":"startjail","jail":"test"}'
expect '"exit_code": "0"' demo:demo '{"action":"execjail","jail":"test","user":"root","command":"/bin/freebsd-version"}'
expect '"+ Removing jail process OK": ""' demo:demo '{"action":"stopjail","jail":"test"}'
expect '"Successfully created"' demo:demo '{"action":"createjail","props":"tag=curl release=13.2-RELEASE"}'
expect '"Destroying"' demo:demo '{"action":"destroyjail","jail":"curl"}'
expect '"ip4": "-"' demo:demo '{"action":"listjails","api":"2016"}'
expect '"14.1-RELEASE' demo:demo '{"action":"listreleases"}'
expect 400 demo:demo '{"action":"nosuch"}'
[[ $(call demo:wrong '{"action":"df"}') == 401 ]] || fail "a wrong password is not 401 without a body"
curl --silent --fail "http://$(sed -n 's/^metrics on //p' "$tmp/out")/healthz" | grep -qx ok || fail healthz

echo "+ node $(node --version), ws $(node -p 'require("ws/package.json").version')"
cat >"$tmp/client.cjs" <<'END'
const assert = require("node:assert");
const WebSocket = require("ws");
const ws = new WebSocket("ws://" + process.argv[2] + "/");
const waiting = new Map();
const events = [];
let wake = () => {};
ws.on("message", (data) => {
	const m = JSON.parse(data);
	if (m.namespace === "events" && m.name === "dispatcher") {
		events.push(m);
		wake();
	} else {
		waiting.get(m.id)(m);
	}
});
let last = 0;
function call(namespace, name, args) {
	const id = "id" + ++last;
	return new Promise((resolve) => {
		waiting.set(id, resolve);
		ws.send(JSON.stringify({ namespace, name, id, args }));
	});
}
setTimeout(() => { console.error("no answer in 30 s"); process.exit(1); }, 30000).unref();
ws.on("open", async () => {
	let a = await call("sysadm", "iocage", { action: "listjails" });
	assert.deepStrictEqual(a.args, { code: "401", message: "Unauthorized" });
	a = await call("rpc", "identify", {});
	assert.strictEqual(a.args.type, "server");
	a = await call("rpc", "auth", { username: "demo", password: "demo" });
	assert.strictEqual(a.name, "response");
	assert.strictEqual(a.args[1], 900);
	a = await call("events", "subscribe", ["dispatcher"]);
	assert.deepStrictEqual(a.args, { subscribe: "dispatcher" });
	a = await call("sysadm", "iocage", { action: "listjails" });
	assert.ok(a.args.listjails.jails);
	a = await call("sysadm", "iocage", { action: "fetchreleases", releases: ["14.1-RELEASE"] });
	const id = "sysadm_iocage_fetch_release_14.1-RELEASE";
	assert.deepStrictEqual(a.args.fetchreleases, { started_dispatcher_id: [id] });
	while (events.length < 2) await new Promise((resolve) => { wake = resolve; });
	assert.deepStrictEqual(events[0], { args: { process_id: id, state: "running" }, id: "", name: "dispatcher", namespace: "events" });
	const end = events[1].args;
	const label = "iocage fetch --verify -r 14.1-RELEASE";
	assert.strictEqual(end.state, "finished");
	assert.strictEqual(end.process_id, id);
	assert.strictEqual(end["return_codes/" + label], "0");
	assert.match(end[label], /FetchRelease@14\.1-RELEASE: OK/);
	assert.match(end.time_finished, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
	a = await call("sysadm", "iocage", { action: "listreleases" });
	assert.ok(a.args.listreleases.local.includes("14.1-RELEASE"));
	assert.strictEqual(events.length, 2);
	ws.close();
});
ws.on("error", (e) => { console.error(e); process.exit(1); });
END
(cd "$tmp" && timeout 40 node client.cjs "$address") || fail "the WebSocket client"

end

# The sequence of the published client: identify before the login, auth, a subscription
# with one word, a call, and every 90 s identify and query.
serve secure "127.0.0.1:0 tls"
echo "+ the published client's messages, over TLS"
cat >"$tmp/published.cjs" <<'END'
const assert = require("node:assert");
const WebSocket = require("ws");
const address = process.argv[2];
function connect(origin) {
	return new Promise((resolve, reject) => {
		const ws = new WebSocket("wss://" + address + "/", { rejectUnauthorized: false, origin });
		ws.on("open", () => resolve(ws));
		ws.on("unexpected-response", (request, response) => { request.destroy(); reject(response.statusCode); });
		ws.on("error", reject);
	});
}
setTimeout(() => { console.error("no answer in 30 s"); process.exit(1); }, 30000).unref();
(async () => {
	await assert.rejects(connect("https://elsewhere.example"), (code) => code === 403);
	const ws = await connect("sysadm-client");
	const answers = [];
	let wake = () => {};
	ws.on("message", (data) => { answers.push(JSON.parse(data)); wake(); });
	async function call(namespace, name, id, args) {
		ws.send(JSON.stringify({ namespace, name, id, args }));
		for (;;) {
			const at = answers.findIndex((m) => m.id === id);
			if (at >= 0) return answers.splice(at, 1)[0];
			await new Promise((resolve) => { wake = resolve; });
		}
	}
	async function ping() {
		let a = await call("rpc", "identify", "sysadm-client-identify", "");
		assert.strictEqual(a.args.type, "server");
		a = await call("rpc", "query", "sysadm-client-query", "");
		assert.strictEqual(a.args["sysadm/iocage"], "read/write");
	}
	let a = await call("rpc", "identify", "sysadm-client-identify", "");
	assert.strictEqual(a.name, "response");
	assert.strictEqual(a.args.type, "server");
	a = await call("rpc", "auth", "sysadm-client-auth-user", { username: "demo", password: "demo" });
	assert.ok(a.args[0].length >= 20);
	await ping();
	a = await call("events", "subscribe", "sysadm-client-event-auto", "dispatcher");
	assert.deepStrictEqual(a.args, { subscribe: "dispatcher" });
	a = await call("sysadm", "iocage", "list", { action: "listjails" });
	assert.strictEqual(a.name, "response");
	assert.ok(Object.keys(a.args.listjails.jails).length > 0);
	await ping();
	ws.close();
})().catch((e) => { console.error(e); process.exit(1); });
END
(cd "$tmp" && timeout 40 node published.cjs "$address") || fail "the published client"
end
echo "all clients were served"
