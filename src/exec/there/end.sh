if [ -e "$D/armed" ]; then
  [ -e "$D/done" ] || : > "$D/off"
elif [ -e "$D/pid" ] && { [ ! -e "$D/exit" ] || [ -e "$D/ending" ]; }; then
  end_all
  i=0
  while [ ! -e "$D/exit" ] && [ $i -lt 10 ]; do nap; i=$((i+1)); done
  [ -e "$D/exit" ] || { left; say gone; exit; }
fi
