# Made by locum for the side shell of one run, where there is no bash: one line at a time, and before it begins locum is
# asked; what it cannot put on record does not run.
trap : INT
__locum_run() { eval "$1"; }
while :; do
  printf '%s%s\n%s $ ' "$__locum_head" "$__locum_more" "$PWD"
  IFS= read -r __locum_typed || break
  case $__locum_typed in *[![:space:]]*) ;; *) continue ;; esac
  # A line that is none would end this shell.
  printf '%s\n' "$__locum_typed" | sh -n || continue
  if printf '%s' "$__locum_typed" | "$__locum_exe" __gate "$__locum_gate" line >/dev/null; then
    __locum_run "$__locum_typed"
    "$__locum_exe" __gate "$__locum_gate" ended "$?" </dev/null >/dev/null 2>&1
  fi
done
echo
