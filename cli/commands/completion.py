"""`art completion`."""

from __future__ import annotations

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

# The protocol is click's: `art` is called with the line so far in the environment, and answers with
# kinds, values and meanings. The scripts are our own. To bash a colon ends a word, and references
# are full of them; a project, which ends with a slash, must not be followed by a space; and nothing
# that goes wrong may appear on the line that is being typed.

_BASH = r"""
_art_completion() {
    local line=${COMP_LINE:0:COMP_POINT} word words count response kind value
    read -ra words <<< "$line"
    count=$(( ${#words[@]} - 1 ))
    word=${words[count]}
    if [[ $line == *[[:space:]] ]]; then
        count=$(( count + 1 ))
        word=
    fi
    # What bash takes for the word begins after the last colon or equals sign; the rest stays.
    local kept=
    if [[ $word == *[:=]* ]]; then
        kept=${word%"${word##*[:=]}"}
    fi
    response=$(COMP_WORDS="$line" COMP_CWORD=$count _ART_COMPLETE=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                value=${value#"$kept"}
                if [[ $value == */ ]]; then
                    compopt -o nospace 2>/dev/null
                fi
                COMPREPLY+=("$value")
                ;;
        esac
    done <<< "$response"
}

complete -o nosort -F _art_completion art
"""


_ZSH = r"""
#compdef art

_art() {
    local kind value meaning
    local -a plain described folders
    local line="${words[1,CURRENT]}"
    for kind value meaning in "${(@f)$(COMP_WORDS="$line" COMP_CWORD=$((CURRENT - 1)) \
        _ART_COMPLETE=zsh_complete art 2>/dev/null)}"; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $value == */ ]]; then
                    folders+=("$value")
                elif [[ $meaning == _ ]]; then
                    plain+=("$value")
                else
                    described+=("$value:$meaning")
                fi
                ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described -U
    (( $#plain )) && compadd -U -V unsorted -a plain
    (( $#folders )) && compadd -U -S '' -V unsorted -a folders
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _art "$@"
else
    compdef _art art
fi
"""

_FISH = r"""
function _art_completion
    set -l line (commandline -cp)
    set -l word (commandline -ct)
    for answer in (env _ART_COMPLETE=fish_complete COMP_WORDS="$line" COMP_CWORD="$word" \
            art 2>/dev/null)
        set -l parts (string split -m 1 , -- $answer)
        switch $parts[1]
            case dir
                __fish_complete_directories $word
            case file
                __fish_complete_path $word
            case plain
                echo $parts[2]
        end
    end
end

complete --no-files --command art --arguments '(_art_completion)'
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command(
    "completion",
    cls=Art,
    example="""
        bash:  art completion bash > ~/.local/share/bash-completion/completions/art
        zsh:   art completion zsh > "${fpath[1]}/_art"
        fish:  art completion fish > ~/.config/fish/completions/art.fish
    """,
)
@click.argument("shell", type=click.Choice(list(_SCRIPTS)), help="For which shell.")
@click.pass_obj
def command(app: App, shell: str) -> None:
    """Print a script that completes names in your shell.

    Commands, options, artifacts, versions, aliases, tags, runs, settings and files of a version
    are completed. Put the script where your shell looks for it, as below, and start a new shell;
    to try it in this one: eval "$(art completion bash)".
    """
    script = _SCRIPTS[shell].strip()
    app.output.result(
        lambda: {"shell": shell, "script": script},
        human=lambda: click.echo(script),
        quiet=script.splitlines,
    )
