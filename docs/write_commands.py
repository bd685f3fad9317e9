"""Write the options of every command into its page; what stands above the marker is written by hand.

Run it after changing a command: ``python docs/write_commands.py``. A test compares the pages with the commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fusebench.cli.app import command

MARKER = "<!-- below: python docs/write_commands.py -->"
FOLDER = Path(__file__).parent / "commands"


def commands() -> dict[str, Any]:
    """Return every command by its full name."""
    found: dict[str, Any] = {}
    for name, one in command().commands.items():
        if hasattr(one, "commands"):
            found |= {f"{name} {inner}": leaf for inner, leaf in one.commands.items()}
        else:
            found[name] = one
    return found


def reference(name: str, one: Any) -> str:
    """Return the usage and the table of options of one command."""
    arguments = [parameter for parameter in one.params if parameter.param_type_name == "argument"]
    usage = " ".join(["fusebench", name, "[OPTIONS]", *(_argument(parameter) for parameter in arguments)])
    rows = [*_rows(one)]
    table = ["| option | meaning |", "|---|---|", *(f"| {left} | {right} |" for left, right in rows)] if rows else []
    return "\n".join([f"```text\n{usage}\n```", "", *table]).rstrip() + "\n"


def _argument(parameter: Any) -> str:
    shown = str(parameter.metavar or parameter.name)
    return shown if parameter.required else f"[{shown}]"


def _rows(one: Any) -> Iterator[tuple[str, str]]:
    for parameter in one.params:
        text = (getattr(parameter, "help", None) or "").replace("|", "\\|")
        if parameter.param_type_name == "argument":
            yield f"`{parameter.metavar or parameter.name}`", text
            continue
        names = ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))
        value = f" `{parameter.metavar}`".replace("|", "\\|") if parameter.metavar and not parameter.is_flag else ""
        yield names + value, text


def page(group: str) -> Path:
    """Return the page of a command; the commands of a group share one."""
    return FOLDER / f"{group}.md"


def generated(group: str) -> str:
    """Return what stands below the marker of a page."""
    found = {name: one for name, one in commands().items() if name.split()[0] == group}
    parts = [f"## {name}\n\n{_sentence(one)}\n\n{reference(name, one)}" if " " in name else reference(name, one)
             for name, one in found.items()]  # fmt: skip
    return "\n".join(parts)


def groups() -> list[str]:
    """Return the first words of all commands."""
    return list(dict.fromkeys(name.split()[0] for name in commands()))


def _sentence(one: Any) -> str:
    return " ".join((one.help or "").split())


def main() -> None:
    """Write all pages, and the list of them."""
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for group in groups():
        own = page(group)
        inner = command().commands[group]
        text = own.read_text(encoding="utf-8") if own.exists() else f"# {group}\n\n{_sentence(inner)}\n"
        by_hand = text.partition(MARKER)[0].rstrip()
        own.write_text(f"{by_hand}\n\n{MARKER}\n\n{generated(group)}", encoding="utf-8")
        lines.append(f"| [`{group}`]({group}.md) | {_sentence(inner)} |")
    index = page("index")
    by_hand = index.read_text(encoding="utf-8").partition(MARKER)[0].rstrip() if index.exists() else "# Commands"
    table = "\n".join(["| command | what it does |", "|---|---|", *lines])
    index.write_text(f"{by_hand}\n\n{MARKER}\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
