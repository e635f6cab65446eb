#!/usr/bin/env bash
# Starts the stack without containers: Redis, three replicas, nginx; Prometheus and Grafana if they are installed.
#
#   examples/stack/run.sh          runs until Ctrl-C
#   examples/stack/run.sh check    sends requests through nginx, and ends; fails if they are not counted together
#
# PORT is that of nginx, 8080 by default. The ports after it are those of the replicas and of Redis.
set -euo pipefail

stack=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$stack/../.." && pwd)
port=${PORT:-8080}
redis_port=$((port + 4))
files=$(mktemp -d)
processes=()

stop() {
    # The shells around the programs are no processes of their own.
    if [ ${#processes[@]} -gt 0 ]; then
        kill "${processes[@]}" 2>/dev/null || true
        wait "${processes[@]}" 2>/dev/null || true
    fi
    rm -rf "$files"
}
trap stop EXIT

for program in nginx redis-server cargo curl; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is missing; on Debian: apt-get install nginx redis-server curl" >&2
        exit 1
    fi
done

# Waits until a command succeeds, for 20 seconds at most.
await() {
    local what=$1
    shift
    for _ in $(seq 200); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "$what did not start within 20 s; see above" >&2
    exit 1
}

# Rewrites the names of the compose file to ports of this machine.
on_this_machine() {
    sed -e "s/replica-1:8080/127.0.0.1:$((port + 1))/g; s/replica-2:8080/127.0.0.1:$((port + 2))/g" \
        -e "s/replica-3:8080/127.0.0.1:$((port + 3))/g; s/listen 8080/listen 127.0.0.1:$port/" \
        -e "s#http://prometheus:9090#http://127.0.0.1:9090#; s#/tmp/nginx.pid#$files/nginx.pid#" \
        -e "s#/var/lib/grafana/dashboards#$stack/grafana/dashboards#" "$1"
}

(cd "$root" && cargo build --quiet -p limiter-examples --features metrics,redis --example prometheus)
target=${CARGO_TARGET_DIR:-$root/target}

redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no --dir "$files" >"$files/redis.log" &
processes+=($!)
await Redis redis-cli -p "$redis_port" ping

for number in 1 2 3; do
    ADDR=127.0.0.1:$((port + number)) RATELIMIT_STORAGE_URI=redis://127.0.0.1:$redis_port RATELIMIT_HEADERS_ENABLED=true \
        TRUSTED_PROXIES=127.0.0.1 "$target/debug/examples/prometheus" >"$files/replica-$number.log" &
    processes+=($!)
    await "replica $number" curl -fsS "http://127.0.0.1:$((port + number))/metrics"
done

on_this_machine "$stack/nginx.conf" >"$files/nginx.conf"
nginx -p "$files" -c "$files/nginx.conf" -e stderr -g "daemon off;" &
processes+=($!)
await nginx curl -fsS "http://127.0.0.1:$port/items/1"

if [ "${1:-}" = check ]; then
    # 5 a minute for a client, whichever replica decides. The header that it forges is left of the address that nginx adds.
    # That is not the one from which nginx connects, which is trusted.
    statuses=$(for number in $(seq 9); do
        curl -s -o /dev/null -w '%{http_code} ' --interface 127.0.0.2 -H "X-Forwarded-For: 192.0.2.$number" \
            "http://127.0.0.1:$port/search"
    done)
    replicas=$(for number in 1 2 3; do
        curl -s "http://127.0.0.1:$((port + number))/metrics" | grep -c '^limiter_requests_total' || true
    done | grep -cv '^0$' || true)
    echo "statuses: $statuses"
    echo "replicas that decided: $replicas"
    [ "$statuses" = "200 200 200 200 200 429 429 429 429 " ] && [ "$replicas" = 3 ]
    exit
fi

if command -v prometheus >/dev/null; then
    mkdir "$files/prometheus"
    for file in "$stack"/prometheus/*.yml; do on_this_machine "$file" >"$files/prometheus/$(basename "$file")"; done
    prometheus --config.file="$files/prometheus/prometheus.yml" --storage.tsdb.path="$files/series" \
        --web.listen-address=127.0.0.1:9090 2>"$files/prometheus.log" &
    processes+=($!)
    echo "Prometheus: http://127.0.0.1:9090"
fi
if command -v grafana-server >/dev/null; then
    for folder in datasources dashboards; do
        mkdir -p "$files/provisioning/$folder"
        for file in "$stack/grafana/provisioning/$folder"/*.yml; do
            on_this_machine "$file" >"$files/provisioning/$folder/$(basename "$file")"
        done
    done
    GF_PATHS_PROVISIONING=$files/provisioning GF_PATHS_DATA=$files/grafana GF_AUTH_ANONYMOUS_ENABLED=true \
        GF_SERVER_HTTP_ADDR=127.0.0.1 grafana-server --homepath "${GRAFANA_HOME:-/usr/share/grafana}" \
        >"$files/grafana.log" 2>&1 &
    processes+=($!)
    echo "Grafana: http://127.0.0.1:3000"
fi

echo "nginx: http://127.0.0.1:$port, three replicas behind it. Try:"
echo "  curl -i http://127.0.0.1:$port/search   5 a minute over all replicas, else 429"
echo "  limiter --storage redis://127.0.0.1:$redis_port client 127.0.0.1"
echo "  limiter --storage redis://127.0.0.1:$redis_port ban 127.0.0.1 1m"
wait -n
