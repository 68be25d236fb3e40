# The dead man: goes back unless somebody confirms in time. Whoever writes the verdict first is right.
trap '' HUP
D=$1 K=$2 AFTER=$3 AS=$4 v=
up() { if { read -r u r < /proc/uptime; } 2>/dev/null; then echo "${u%%.*}"; else date +%s; fi; }
# A disk that takes no verdict does not take away the way back.
decide() {
  v="back $1"
  echo "$v" > "$D/verdict.dead" && ln "$D/verdict.dead" "$D/verdict"
  [ ! -e "$D/verdict" ] || read -r v < "$D/verdict"
} 2>/dev/null
began=$(up)
echo $$ > "$D/armed"
while [ -z "$v" ]; do
  if [ -e "$D/verdict" ]; then read -r v < "$D/verdict"
  elif [ -e "$D/off" ]; then decide "the step was called off"
  elif [ $(($(up) - began)) -ge "$AFTER" ]; then decide "nobody confirmed within $AFTER s"
  else sleep 0.2 2>/dev/null || sleep 1
  fi
done
e=0
case $v in
  back*)
    [ -e "$D/exit" ] || end_all
    sh "$D/back" > "$D/back.out" 2>&1 < /dev/null
    e=$?
    ;;
esac
rm -f "$D/back"
echo "$e $v" > "$D/done.new" && mv "$D/done.new" "$D/done"
