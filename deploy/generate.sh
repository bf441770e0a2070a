#!/bin/sh
# Print logins as JSON lines, some five a second: `sh generate.sh`, or so many: `sh generate.sh 100`.
# Most are in order; once a minute somebody guesses passwords, and at last is right.
set -eu

count=${1:-}
n=0
while [ -z "$count" ] || [ "$n" -lt "$count" ]; do
    n=$((n + 1))
    now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
    user=user$((n % 37))
    address=198.51.100.$((n % 200 + 1))
    outcome=success
    if [ $((n % 300)) -ge 280 ]; then
        user=backup
        address=203.0.113.$((n / 300 % 250 + 1))
        outcome=failure
        [ $((n % 300)) -eq 299 ] && outcome=success
    fi
    printf '{"@type":"auth.login","@time":"%s","user":"%s","source_ip":"%s",' \
        "$now" "$user" "$address"
    printf '"outcome":"%s","method":"password"}\n' "$outcome"
    # All at once when the number is given, for nobody watches then.
    [ -n "$count" ] || [ $((n % 5)) -ne 0 ] || sleep 1
done
