# Made by locum for the side shell of one run. Before a line begins, and before each command in it, locum is asked; what
# it cannot put on record does not run.
unset HISTFILE HISTTIMEFORMAT
HISTCONTROL= HISTIGNORE= HISTSIZE=100000
readonly HISTFILE HISTTIMEFORMAT HISTCONTROL HISTIGNORE HISTSIZE
shopt -s checkwinsize cmdhist
declare -A __locum_asked=()
__locum_seen=

__locum_number() {
  local line
  line=$(history 1)
  line=${line#"${line%%[![:space:]]*}"}
  printf '%s' "${line%%[!0-9]*}"
}

# The whole line, as it was typed. Refused, it is broken off before anything of it begins.
__locum_line() {
  local line number
  line=$(history 1)
  line=${line#"${line%%[![:space:]]*}"}
  number=${line%%[!0-9]*}
  # Not in the history: its commands are asked for one by one.
  [[ $number == "$__locum_seen" ]] && return 0
  line=${line#"$number"}
  line=${line#?}
  line=${line# }
  printf '%s' "$line" | "$__locum_exe" __gate "$__locum_gate" line >/dev/null || kill -INT "$BASHPID"
}

# Each command, as it is behind aliases and inside functions.
__locum_command() {
  case ${FUNCNAME[1]-} in __locum_line | __locum_prompt | __locum_number) return 0 ;; esac
  case $BASH_COMMAND in __locum_line | __locum_prompt) return 0 ;; esac
  [[ -n ${__locum_asked["x$BASH_COMMAND"]-} ]] && return 0
  if printf '%s' "$BASH_COMMAND" | "$__locum_exe" __gate "$__locum_gate" command >/dev/null; then
    __locum_asked["x$BASH_COMMAND"]=1
    return 0
  fi
  kill -INT $$ "$BASHPID"
  return 1
}

__locum_prompt() {
  local code=$? head
  "$__locum_exe" __gate "$__locum_gate" ended "$code" </dev/null >/dev/null 2>&1
  __locum_seen=$(__locum_number)
  __locum_asked=()
  head="$__locum_head, recorded"
  ((${COLUMNS:-80} > 75)) && head="$__locum_head$__locum_more"
  PS1="$head"'\n\w \$ '
  PS2='> '
  PS0='$(__locum_line)'
  # Whatever the line did to them.
  shopt -s extdebug
  set -T
  trap __locum_command DEBUG
}

readonly __locum_exe __locum_gate __locum_head __locum_more
readonly -f __locum_line __locum_command __locum_prompt __locum_number
PROMPT_COMMAND=__locum_prompt
readonly PROMPT_COMMAND
