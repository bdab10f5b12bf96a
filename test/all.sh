#!/usr/bin/env bash
# Runs every check of the repository, or only the steps named as arguments:
#
#	test/all.sh              all steps, in the order below
#	test/all.sh lint test    these two
#
# Each step prints its name and how long it took. A failed step does not stop the
# others; the exit status is 1 if any failed, 2 for an unknown step. It needs Go
# and a C compiler (for the race detector), and Node with npm for the step node.
# Tools and libraries come from the Go module proxy and the npm registry.
set -euo pipefail
cd "$(dirname "$0")/.."

steps=(format vet lint builds node fuzz race test)

golangci=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
fuzz_seconds=3

# Packages without goroutines or shared state: nothing for the race detector, but
# numbers and sizes that may not fit 32 bits.
pure='/internal/(arch|subject|wire|conf|jsapi|record|jetstream/(index|stream|stream/schedule|consumer))$'

# Packages whose tests go through every call of long histories: the race detector
# sees what it can see in the short ones.
enumerating='/internal/jetstream(/wal|/store)?$'

# format: gofumpt and the order of imports.
step_format() {
	if ! go run "$golangci" fmt --diff; then
		echo "Run: go run $golangci fmt"
		return 1
	fi
}

step_vet() { go vet ./...; }

step_lint() { go run "$golangci" run ./...; }

# builds: the systems and processors we promise. vet, for the 32-bit one, finds
# constants that do not fit, in the tests as well.
step_builds() {
	local target
	for target in linux/386 linux/arm64 darwin/arm64 freebsd/amd64 windows/amd64; do
		echo "$target"
		GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0 go build ./...
	done
	GOARCH=386 CGO_ENABLED=0 go vet ./...
	if [[ $(go env GOHOSTOS GOHOSTARCH | xargs) == "linux amd64" ]]; then
		# shellcheck disable=SC2046 # one argument for each package
		GOARCH=386 CGO_ENABLED=0 go test $(go list ./... | grep -E "$pure")
	fi
}

# node: the JavaScript client from npm against a server of this tree.
step_node() {
	if [[ ! -x test/node/run.sh ]]; then
		echo "test/node/run.sh: not there"
		return 0
	fi
	test/node/run.sh
}

# fuzz: each target for a few seconds. Found inputs are in testdata/fuzz of the
# package: commit them with the fix.
step_fuzz() {
	local line target targets=() failed=0
	go test -list '^Fuzz' ./... >"$work/fuzz"
	while read -r line; do
		case $line in
		Fuzz*) targets+=("$line") ;;
		"ok "*)
			for target in ${targets[@]+"${targets[@]}"}; do
				fuzz_one "$(awk '{print $2}' <<<"$line")" "$target" || failed=1
			done
			targets=()
			;;
		esac
	done <"$work/fuzz"
	return "$failed"
}

# fuzz_one runs one target. The fuzzer sometimes reports its own deadline as a
# failure without an input (go.dev/issue/48591): only then it gets a second run.
fuzz_one() {
	local package=$1 target=$2 try
	for try in 1 2; do
		if go test -run '^$' -fuzz "^$target\$" -fuzztime "${fuzz_seconds}s" -fuzzminimizetime 10x \
			"$package" >"$work/fuzz.out" 2>&1; then
			echo "$target: $(tail -n 1 "$work/fuzz.out")"
			return 0
		fi
		if grep -q 'Failing input written' "$work/fuzz.out" ||
			! grep -q 'context deadline exceeded' "$work/fuzz.out"; then
			break
		fi
	done
	cat "$work/fuzz.out"
	return 1
}

# race: everything that shares state.
step_race() {
	# shellcheck disable=SC2046 # one argument for each package
	go test -race -timeout 10m $(go list ./... | grep -vE "$pure" | grep -vE "$enumerating")
	# shellcheck disable=SC2046
	go test -race -short -timeout 10m $(go list ./... | grep -E "$enumerating")
}

step_test() { go test -timeout 10m ./...; }

# run_step runs one step in a shell of its own, where the first failing command
# ends it.
run_step() {
	local name=$1 start=$SECONDS status=0
	echo "== $name"
	set +e
	(
		set -e
		"step_$name"
	)
	status=$?
	set -e
	if ((status == 0)); then
		echo "== $name: passed in $((SECONDS - start)) s"
	else
		echo "== $name: FAILED after $((SECONDS - start)) s"
		failed+=("$name")
	fi
}

main() {
	local name
	for name in "$@"; do
		if [[ " ${steps[*]} " != *" $name "* ]]; then
			echo "test/all.sh: unknown step \"$name\"; the steps are: ${steps[*]}" >&2
			exit 2
		fi
	done
	if (($# > 0)); then
		steps=("$@")
	fi
	failed=()
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	for name in "${steps[@]}"; do
		run_step "$name"
	done
	if ((${#failed[@]} > 0)); then
		echo "test/all.sh: failed: ${failed[*]}" >&2
		exit 1
	fi
}

main "$@"
