# First process of the data plane's container. It is a shell and not the holder itself, because the container lives as long
# as its first process: were that the holder, its death would take the device server along, and with it every device.
# So: start a holder, then stay while a holder or a device server lives. They restart each other.
run=${TIDEMARK_RUN:-/run/tidemark}
tidemark=${TIDEMARK_PROGRAM:-/opt/tidemark/tidemark}
patience=${TIDEMARK_PATIENCE_SECONDS:-10}
stopping=
gone=0
round=0

# Sets server to the process of the running device server. Process numbers are the node's (hostPID), in the record too.
find_server() {
    server=$(sed -n 's/.*"pid" *: *\([0-9][0-9]*\).*/\1/p' "$run/server.json" 2>/dev/null | head -n 1)
    [ -n "$server" ] && grep -qs DeviceServerMain "/proc/$server/cmdline"
}

trap 'stopping=1; round=0' TERM INT

"$tidemark" holder &
holder=$!
while :; do
    if find_server || kill -0 "$holder" 2>/dev/null; then
        gone=0
    else
        gone=$((gone + 1))
        # A few seconds, in which one of the two may be starting the other.
        if [ -n "$stopping" ]; then exit 0; fi
        if [ "$gone" -ge "$patience" ]; then echo "data plane: neither holder nor device server is left" >&2; exit 1; fi
    fi
    # The device server refuses to leave while anything is attached: ask again until it is detached, or time is up.
    if [ -n "$stopping" ] && [ $((round % 5)) = 0 ] && find_server; then kill -TERM "$server" 2>/dev/null; fi
    round=$((round + 1))
    # In the background, so that a signal is not kept waiting; wait also collects an ended holder.
    sleep 1 &
    wait $!
done
