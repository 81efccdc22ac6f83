# Sourced by scripts/test, scripts/lint and .ci/run: runs steps with a time limit each, goes on after a failure, and ends with a
# table of what passed, what failed and how long each took.

steps_failed=0
steps_table=""

# step NAME SECONDS COMMAND...
step() {
    local name=$1 limit=$2 begun=$SECONDS status=0 verdict=ok
    shift 2
    printf '\n==> %s\n' "$name"
    bounded "$limit" "$@" </dev/null || status=$?
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        verdict="FAILED: not done after $limit s"
    elif [ "$status" -ne 0 ]; then
        verdict="FAILED (exit $status)"
    fi
    [ "$status" -eq 0 ] || steps_failed=$((steps_failed + 1))
    steps_table+=$(printf '  %5d s  %-44s %s' $((SECONDS - begun)) "$name" "$verdict")$'\n'
    return "$status"
}

# skip NAME REASON
skip() {
    printf '\n==> %s: skipped: %s\n' "$1" "$2"
    steps_table+=$(printf '  %7s  %-44s %s' - "$1" "skipped: $2")$'\n'
}

# Ends the script with the table; the exit code says whether every step passed.
finish() {
    printf '\n%s\n%s' "$1:" "$steps_table"
    if [ "$steps_failed" -gt 0 ]; then
        printf '%s: %d of the steps FAILED\n' "$1" "$steps_failed"
        exit 1
    fi
    printf '%s: passed\n' "$1"
    exit 0
}

# bounded SECONDS COMMAND...: `timeout` where there is one (macOS has none of its own).
bounded() {
    local limit=$1
    shift
    if command -v timeout >/dev/null; then
        timeout -k 20 "$limit" "$@"
    else
        "$@"
    fi
}
