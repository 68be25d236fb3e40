[ -n "$D" ] || { say gone; exit; }
say begun
exec 3< "$D/out" 4< "$D/err"
tail -c "+$((OUT+1))" <&3; tail -c "+$((ERR+1))" <&4 >&2
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
n=0
while :; do
  e=
  if [ -e "$D/exit" ] && { [ ! -e "$D/armed" ] || [ -e "$D/done" ]; }; then e=1; fi
  cat <&3 || exit; cat <&4 >&2 || exit
  [ -z "$e" ] || break
  p=$(cat "$D/pid" 2>/dev/null)
  [ ! -e "$D/exit" ] || p=$(cat "$D/armed" 2>/dev/null)
  if [ -z "$p" ] || ! kill -0 "$p" 2>/dev/null; then n=$((n+1)); else n=0; fi
  # Another boot, in which these numbers mean nothing.
  [ ! -s "$D/boot" ] || [ "$(cat "$D/boot")" = "$boot" ] || n=50
  [ $n -lt 50 ] || { say gone; exit; }
  sleep 0.1 2>/dev/null || sleep 1
done
[ -z "$LIST" ] || left
if [ -e "$D/armed" ]; then
  say "armed $(cat "$D/done")"
  [ ! -e "$D/back.out" ] || say "back $(tail -n 1 "$D/back.out" | cut -c1-300)"
fi
say "end $(cat "$D/exit")"
