# Types "tidemark resto", then TAB, into an interactive zsh with the completion of file $1, and prints what comes.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1='> '; autoload -U compinit bashcompinit; compinit -u -D; bashcompinit; source $1; print READ''Y"
zpty -r -m shell line '*READY*'
zpty -w -n shell $'tidemark resto\t'
zpty -r -m shell line '*restore*' && print -r -- "$line"
zpty -d shell
