"""The commands by name: `python -m gan_lab` lists them, `python -m gan_lab train model=vae` runs one."""

from __future__ import annotations

import difflib
import importlib
import runpy
import sys

from gan_lab.terminal import secure_output

COMMANDS = ("train", "evaluate", "generate", "translate", "enhance", "compare", "pack")


def main() -> None:
    """Run the command that the first argument names with the arguments after it; list the commands where there is none."""
    secure_output()
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        about = {each: (importlib.import_module(f"gan_lab.{each}").__doc__ or "").split(":", 1)[0] for each in COMMANDS}
        lines = [f"  python -m gan_lab.{each:<10} {what}" for each, what in about.items()]
        head, foot = "gan_lab: GANs and VAEs for product photos", "--help after a command lists its options."
        print(head, "", *lines, "", foot, sep="\n")
    elif name in COMMANDS:
        sys.argv[1:] = arguments
        # as the module that runs: Lightning starts the other processes of a run by its name
        runpy.run_module(f"gan_lab.{name}", run_name="__main__", alter_sys=True)
    else:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"error: {name!r}: there is no such command; {hint}", file=sys.stderr)
        raise SystemExit(2)


if __name__ == "__main__":
    main()
