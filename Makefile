SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build proto test test-asan test-tsan fuzz bench-lookup bench-rpc bench-ranker bench-learning bench-fm bench-night demo up format lint clean

products := nightjar nightjar-ingest nightjar-trainer nightjar-ranker nightjar-control
swift_sources := Package.swift Sources Tests Fuzz $(wildcard Benchmarks)
fuzzers := frames session messages json lists served
# Where the demo leaves its data and `make up` finds it.
dir ?= .nightjar

# A crashed test process is to end, not to wait for somebody at a debugger.
export SWIFT_BACKTRACE := enable=no

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

deps: ## install the Debian packages that are missing
	@deploy/install-deps.sh

# One program without Swift's shared libraries, optimised across modules: a lookup takes a tenth less.
release := swift build -c release --static-swift-stdlib -Xswiftc -cross-module-optimization

build: deps ## build the services and the command-line tool, optimised
	@for product in $(products); do $(release) --product $$product; done

proto: deps ## generate the C and Swift of proto/
	proto/generate.sh

test: deps ## run the tests
	swift build --build-tests
	@# One after the other: tests that compute would starve those with deadlines.
	swift test --skip-build --no-parallel

# The sanitizers leave SIGBUS to the test that is about it.
test-asan: deps ## run the tests under AddressSanitizer
	ASAN_OPTIONS=handle_sigbus=0 \
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/Sanitizers/leaks.txt:print_suppressions=0 \
	  swift test --disable-xctest --no-parallel --sanitize address --scratch-path .build-asan

test-tsan: deps ## run the tests under ThreadSanitizer
	swift build --build-tests --sanitize thread --scratch-path .build-tsan
	clang -shared -fPIC -o .build-tsan/mutex.so Tests/Sanitizers/mutex.c
	TSAN_OPTIONS=handle_sigbus=0 LD_PRELOAD=$(CURDIR)/.build-tsan/mutex.so \
	  swift test --skip-build --no-parallel --sanitize thread --scratch-path .build-tsan

# How long each decoder is fuzzed, and with how many inputs at most (-1 = as many as the time allows).
seconds ?= 60
inputs ?= -1

fuzz: deps ## fuzz the decoders with libFuzzer, seconds=60 each (seconds=0 inputs=N for so many), from Fuzz/Corpus
	@for fuzzer in $(fuzzers); do \
	  NIGHTJAR_FUZZ=1 swift build -c release --sanitize fuzzer --scratch-path .build-fuzz -Xswiftc -enable-testing \
	    --product fuzz-$$fuzzer; \
	  mkdir -p .build-fuzz/corpus/$$fuzzer; \
	  .build-fuzz/release/fuzz-$$fuzzer -max_total_time=$(seconds) -runs=$(inputs) -max_len=4096 -artifact_prefix=.build-fuzz/ \
	    .build-fuzz/corpus/$$fuzzer Fuzz/Corpus/$$fuzzer; \
	done

bench-deps: deps
	@deploy/install-deps.sh --benchmarks

bench-lookup: bench-deps ## measure list lookups in process against LMDB
	swift run -c release --package-path Benchmarks bench-lookup

bench-rpc: build bench-deps ## measure the ranker over TLS against redis-server (parts=... for some; see bench-rpc --help)
	for product in malloc-count floor grpc-peer; do swift build -c release --package-path Benchmarks --product $$product; done
	cd Benchmarks && swift run -c release bench-rpc $(parts)

bench-ranker: build bench-deps ## measure the ranker: calls re-ranked, swaps, cold start, exports (parts=... for some; see bench-ranker --help)
	cd Benchmarks && swift run -c release bench-ranker $(parts)

bench-learning: bench-deps ## measure fits and lists against PyPI's implicit, and a large tenant (parts=... for some; see bench-learning --help)
	Benchmarks/install-peers.sh
	cd Benchmarks && swift run -c release bench-learning $(parts)

# Tenants of the measured nights.
TENANTS ?= 200

bench-night: build bench-deps ## measure two nights of TENANTS=200 with all services over TLS, projected to 4,000
	cd Benchmarks && swift run -c release bench-night --tenants $(TENANTS)

bench-fm: build bench-deps ## measure fits of the factorisation machine against PyPI's myFM (parts=... for flags of bench_fm.py)
	Benchmarks/install-peers.sh
	$${NIGHTJAR_PEERS:-$$HOME/.cache/nightjar-peers}/bin/python Benchmarks/bench_fm.py $(parts)

demo: build ## play two months of a real wholesaler, in under five minutes (dir=.nightjar is made anew)
	.build/release/nightjar demo --dir $(dir)

up: build ## start everything on the data in dir=.nightjar, until Ctrl-C
	.build/release/nightjar up --dir $(dir)

format: ## format the Swift sources
	swift format --in-place --parallel --recursive $(swift_sources)

lint: ## check formatting, generated code and systemd units
	swift format lint --strict --parallel --recursive $(swift_sources)
	deploy/check-generated.sh
	deploy/systemd/verify.sh

clean: ## remove what was built
	rm -rf .build .build-asan .build-tsan .build-fuzz
