#!/bin/sh
# Runs client.test.mjs with the Node client.
#
#   ./run.sh                      builds this repository's server and starts it
#   SERVER=nats-server ./run.sh   starts another one; it must take -c FILE
#   NATS_URL=127.0.0.1:4222 ./run.sh   uses a running one, started with server.conf
#
# Needs Node 20 or later, npm, and for the first form Go.
set -eu
cd "$(dirname "$0")"

[ -d node_modules ] || npm ci --no-audit --no-fund

dir=$(mktemp -d)
pid=
finish() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null || true # it may have ended by itself
		wait "$pid" || true
	fi
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -z "${NATS_URL:-}" ]; then
	if [ -z "${SERVER:-}" ]; then
		(cd ../.. && go build -o "$dir/tidings" ./cmd/tidings)
		SERVER="$dir/tidings serve"
	fi
	port=$(node -e '
		const l = require("node:net").createServer().listen(0, "127.0.0.1", () => {
			console.log(l.address().port);
			l.close();
		});')
	NATS_URL=127.0.0.1:$port
	{ echo "listen: \"$NATS_URL\""; cat server.conf; } >"$dir/server.conf"
	# Not quoted: SERVER may hold arguments.
	$SERVER -c "$dir/server.conf" >"$dir/log" 2>&1 &
	pid=$!
fi

export NATS_URL
node --test --test-timeout=60000 client.test.mjs || {
	status=$?
	[ ! -f "$dir/log" ] || { echo "log of the server:" >&2; cat "$dir/log" >&2; }
	exit $status
}
