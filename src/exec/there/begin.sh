if [ -z "$D" ]; then
  for b in $PLACES; do
    mkdir -m 700 "$b/.locum" 2>/dev/null
    mkdir -m 700 "$b/.locum/$K" 2>/dev/null && D="$b/.locum/$K" && break
  done
  [ -n "$D" ] || { echo "no private folder can be made here" >&2; say gone; exit; }
  find "${D%/*}" -mindepth 1 -maxdepth 1 -mtime +2 -exec rm -rf {} + 2>/dev/null
  : > "$D/out"; : > "$D/err"
  printf %s "$RUN" > "$D/run"; printf %s "$OUTER" > "$D/outer"
  [ -n "$PIPE" ] || printf %s "$IN" > "$D/in"
  [ -z "$SPLIT" ] || : > "$D/split"
  apart() {
    if command -v setsid >/dev/null 2>&1; then exec setsid sh "$@" >/dev/null 2>&1
    else exec nohup sh "$@" >/dev/null 2>&1; fi
  }
  if [ -n "$AFTER" ]; then
    printf %s "$BACK" > "$D/back" && printf %s "$DEAD" > "$D/dead" && { $BACK_SECRETS apart "$D/dead" "$D" "$K" "$AFTER" "$AS"; } </dev/null &
    i=0
    while [ ! -s "$D/armed" ] && [ $i -lt 50 ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i+1)); done
    [ -s "$D/armed" ] || { : > "$D/off"; echo "its way back cannot be armed here; nothing ran" >&2; say "end 126"; exit; }
  fi
  if [ -n "$PIPE" ]; then { trap '' HUP; printf %s "$IN"; } | { $SECRETS apart "$D/outer" "$D"; } &
  else { $SECRETS apart "$D/outer" "$D"; } </dev/null & fi
fi
