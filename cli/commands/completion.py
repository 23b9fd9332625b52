"""`art completion`."""

from __future__ import annotations

import click

from artifacts.cli._app import App
from artifacts.cli._command import Art

VARIABLE = "_ART_COMPLETE"

# click's own script would not do: to bash a colon ends a word, and references are full of them.
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


@click.command(
    "completion",
    cls=Art,
    example="""
        bash:  art completion bash > ~/.local/share/bash-completion/completions/art
        zsh:   art completion zsh > "${fpath[1]}/_art"
        fish:  art completion fish > ~/.config/fish/completions/art.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_obj
def command(app: App, shell: str) -> None:
    """Print a script that completes names in your shell.

    Commands, options, artifacts, versions, aliases, tags, runs, settings and files of a version
    are completed. Put the script where your shell looks for it, as below, and start a new shell;
    to try it in this one: eval "$(art completion bash)".
    """
    script = _script(shell)
    out = app.output
    out.result(
        lambda: {"shell": shell, "script": script},
        human=lambda: click.echo(script),
        quiet=script.splitlines,
    )


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    if shell == "bash":
        return _BASH.strip()
    found = get_completion_class(shell)
    assert found is not None
    root = click.get_current_context().find_root().command
    return found(root, {}, "art", VARIABLE).source().strip()
