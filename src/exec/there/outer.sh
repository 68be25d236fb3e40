# Watches the command; $1 is the folder.
trap '' HUP
d=$1
cat /proc/sys/kernel/random/boot_id > "$d/boot" 2>/dev/null
if { read -r l < "/proc/$$/stat"; } 2>/dev/null; then
  set -- ${l##*) }
  echo "${20}" > "$d/born"
fi
echo $$ > "$d/pid"
[ ! -e "$d/in" ] || exec < "$d/in"
if [ -e "$d/split" ]; then sh "$d/run" > "$d/out" 2> "$d/err"; else sh "$d/run" > "$d/out" 2>&1; fi
e=$?
rm -f "$d/run" "$d/in"
echo $e > "$d/exit.new" && mv "$d/exit.new" "$d/exit"
