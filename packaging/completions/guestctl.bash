# shellcheck shell=bash
# Completion of guestctl(1) for bash. test/contract/docs.test.ts compares verbs and options with the program.

# Ids and UIDs, from the names of guestd's files in these directories. Looks up nothing. Empty for users who may not
# read them, and may not ask guestd either.
_guestctl_names() {
  local directory file
  for directory in "$@"; do
    for file in "${_guestctl_root-}/$directory"/*; do
      file=${file##*/}
      [[ ! $file =~ ^[a-z0-9]+(\.json)?$ ]] || printf '%s\n' "${file%.json}"
    done
  done
}

_guestctl_sessions() {
  local file
  for file in /usr/share/xsessions/*.desktop /usr/share/wayland-sessions/*.desktop; do
    [ ! -e "$file" ] || basename -s .desktop -- "$file"
  done
}

# The words on the line without options, their values, and the word being typed.
_guestctl_words() {
  local index word
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=${COMP_WORDS[index]}
    case $word in
      --service | --reason | --display-manager | --session) [ "${COMP_WORDS[index + 1]-}" != = ] || ((index++)); ((index++)) ;;
      -*) ;;
      *) printf '%s\n' "$word" ;;
    esac
  done
}

# For CURRENT after these words.
_guestctl_candidates() {
  local current=$1
  shift
  case ${1-} in
    '') compgen -W 'list show end receipts receipt leases lease status enable disable autologin explain config reload' -- "$current" ;;
    show | end) compgen -W "$(_guestctl_names run/guestd/sessions)" -- "$current" ;;
    receipt) compgen -W "$(_guestctl_names var/lib/guestd/receipts/{clean,dirty})" -- "$current" ;;
    lease)
      if [ $# -eq 1 ]; then
        compgen -W 'release' -- "$current"
      elif [ "$2" = release ]; then
        compgen -W "$(_guestctl_names var/lib/guestd/quarantine)" -- "$current"
      fi
      ;;
    autologin) [ $# -gt 1 ] || compgen -W 'enable disable status' -- "$current" ;;
    explain) [ $# -gt 1 ] || compgen -u -- "$current" ;;
    config)
      if [ $# -eq 1 ]; then
        compgen -W 'check' -- "$current"
      elif [ "$2" = check ]; then
        compgen -f -- "$current"
      fi
      ;;
  esac
}

# The options of a verb, or all of them while the line has none.
_guestctl_options() {
  local common='--json --help -h --version'
  case ${1-} in
    '') printf '%s\n' "$common --service= --failed --all -a --reason= --display-manager= --session=" ;;
    receipts) printf '%s\n' "$common --failed" ;;
    leases) printf '%s\n' "$common --all -a" ;;
    disable) printf '%s\n' "$common --reason=" ;;
    autologin) printf '%s\n' "$common --display-manager= --session=" ;;
    explain) printf '%s\n' "$common --service=" ;;
    *) printf '%s\n' "$common" ;;
  esac
}

_guestctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  local -a words
  # bash splits "--service", "=" and the value into separate words.
  if [ "$previous" = = ]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi
  if [ "$current" = = ]; then current=''; fi
  mapfile -t words < <(_guestctl_words)
  if [ "$previous" = --service ]; then
    mapfile -t COMPREPLY < <(cd /etc/pam.d 2>/dev/null && compgen -f -- "$current")
  elif [ "$previous" = --display-manager ]; then
    mapfile -t COMPREPLY < <(compgen -W 'lightdm sddm gdm greetd' -- "$current")
  elif [ "$previous" = --session ]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_guestctl_sessions)" -- "$current")
  elif [ "$previous" = --reason ]; then
    COMPREPLY=()
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_guestctl_options "${words[0]-}")" -- "$current")
    if [[ ${COMPREPLY[*]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  else
    mapfile -t COMPREPLY < <(_guestctl_candidates "$current" "${words[@]}")
    if [ "${words[1]-}" = check ]; then compopt -o filenames 2>/dev/null; fi
  fi
}

complete -F _guestctl guestctl
