# Everything that is alive: pid, parent, session, start.
table() {
  if [ -r /proc/self/stat ]; then
    for s in /proc/[0-9]*/stat; do
      { read -r l < "$s"; } 2>/dev/null || continue
      q=${l%% *}
      set -- ${l##*) }
      case $1 in Z|X|x) continue;; esac
      echo "$q $2 $4 ${20}"
    done
  else
    ps -A -o pid= -o ppid= -o pgid= | while read -r q p s; do echo "$q $p $s 0"; done
  fi
}

# Who must not be ended: this shell, and what it hangs below. To be told, the server above all of them is no part of it.
mine() {
  MINE=" $$ " TOP= q=$$
  while { read -r l < "/proc/$q/stat"; } 2>/dev/null; do
    set -- ${l##*) }
    q=$2
    [ "$q" -gt 1 ] || break
    MINE="$MINE$q " TOP=$q
  done
  [ -z "$TOP" ] || [ -z "$TELL" ] || MINE="${MINE%"$TOP "}"
}

# What belongs to it now, as M: its session and family, what carries it in its environment, and what was seen before.
members() {
  w=$(cat "$D/pid" 2>/dev/null) b=$(cat "$D/born" 2>/dev/null)
  w=${w:-none} b=${b:-0} c=" " W=" "
  for q in $(grep -ls "LOCUM_ATTEMPT=$K" /proc/[0-9]*/environ 2>/dev/null); do
    q=${q#/proc/}
    c="$c${q%/environ} "
  done
  T=$(table) M=" " again=1
  while [ -n "$again" ]; do
    again=
    while read -r q p s t; do
      case "$M$MINE" in *" $q "*) continue;; esac
      if [ "$q" = "$w" ]; then
        [ "$t" != "$b" ] || W=" $w "
        continue
      fi
      hit=
      case "$c" in *" $q "*) hit=1;; esac
      case "$KNOWN" in *" $q.$t "*) hit=1;; esac
      [ "$s" != "$w" ] || [ "${t:-0}" -lt "$b" ] || hit=1
      case "$M$W" in *" $p "*) hit=1;; esac
      [ -z "$hit" ] || { M="$M$q "; KNOWN="$KNOWN$q.$t "; again=1; }
    done <<T
$T
T
  done
}

send() {
  for q in $M; do
    kill "-$1" "$q" 2>/dev/null || { [ -z "$AS" ] || $AS kill "-$1" "$q" 2>/dev/null; }
  done
}

nap() { sleep 0.2 2>/dev/null || { sleep 1; i=$((i+4)); }; }

# TERM, a grace of five seconds, then KILL until nothing is left or it does not help.
end_all() {
  : > "$D/ending"
  TELL= KNOWN=" " i=0
  mine
  members
  send TERM
  # What is stopped cannot take the hint.
  send CONT
  while members; [ "$M" != " " ] && [ $i -lt 25 ]; do nap; i=$((i+1)); done
  i=0
  while [ "$M" != " " ] && [ $i -lt 15 ]; do send KILL; nap; i=$((i+1)); members; done
}

# Says what is still there.
left() {
  TELL=1
  mine
  members
  [ "$M" = " " ] || { i=0; nap; members; }
  for q in $M; do
    a=$(tr '\000\012\015' '   ' < "/proc/$q/cmdline" 2>/dev/null | cut -c1-300)
    say "left $q ${a:-$(ps -o args= -p "$q" 2>/dev/null)}"
  done
}
