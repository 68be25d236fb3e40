[ -n "$D" ] || { say "cannot nothing of it is kept here"; exit; }
[ -e "$D/armed" ] || { say "cannot nothing waits here"; exit; }
[ ! -e "$D/verdict" ] || { say "verdict $(cat "$D/verdict")"; exit; }
[ -e "$D/exit" ] || { say "cannot the step still runs; wait for its end"; exit; }
kill -0 "$(cat "$D/armed")" 2>/dev/null || { say "cannot its dead man is gone; nobody knows whether it goes back"; exit; }
if [ -z "$BY" ]; then say ended; exit; fi
set -- $SSH_CONNECTION
echo "confirmed $BY${1:+, from $1 port $2}" > "$D/verdict.$$" && ln "$D/verdict.$$" "$D/verdict" 2>/dev/null
rm -f "$D/verdict.$$"
if [ -e "$D/verdict" ]; then say "verdict $(cat "$D/verdict")"; else say "cannot it cannot be written here"; fi
