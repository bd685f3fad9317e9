"""Imports without the parsing of docstrings: the same functions, and nothing of it where somebody imports the package."""

import json
import subprocess
import sys

QUICKLY = "from fusebench.engine.execute._quick_imports import import_quickly; import_quickly(); import_quickly();"
FACTS = """
import inspect, json, re, sys
import scipy.linalg, scipy.signal, scipy.special, scipy.stats, sklearn.ensemble

def described(function):
    try:
        return re.sub("0x[0-9a-f]+", "", str(inspect.signature(function)))
    except (TypeError, ValueError):
        return None

modules = (scipy.linalg, scipy.signal, scipy.special, scipy.stats)
print(json.dumps({
    "functions": {
        f"{module.__name__}.{name}": described(getattr(module, name))
        for module in modules for name in module.__all__ if callable(getattr(module, name))
    },
    "summary": scipy.stats.ttest_rel.__doc__.strip().splitlines()[0],
    "p": scipy.stats.ttest_rel([1, 2, 3, 5], [2, 2, 4, 7], axis=0, alternative="less").pvalue,
    "table": "dev-arrayapi" in scipy.stats.ttest_rel.__doc__,
    "compiler": "numpy.f2py.crackfortran" in sys.modules,
    "asked for": (lambda compiler: callable(compiler.run_main))(__import__("numpy").f2py),
    "compiler, asked for": "numpy.f2py.crackfortran" in sys.modules,
}))
"""


def facts(before: str) -> dict[str, object]:
    said = subprocess.run([sys.executable, "-c", before + FACTS], capture_output=True, text=True, check=True).stdout
    return dict(json.loads(said))


def test_libraries_differ_in_nothing_but_documentation_and_what_waits_to_be_asked_for() -> None:
    plain, quick = facts(""), facts(QUICKLY)
    assert (plain.pop("table"), quick.pop("table")) == (True, False)
    assert (plain.pop("compiler"), quick.pop("compiler")) == (True, False)
    assert plain == quick
    assert len(plain["functions"]) > 500  # type: ignore[arg-type]
    assert plain["compiler, asked for"] is True


def test_who_imports_the_package_reads_the_libraries_as_they_are() -> None:
    assert facts("import fusebench, fusebench.cli;")["table"] is True


def test_a_library_without_the_module_that_edits_docstrings_is_left_alone() -> None:
    code = QUICKLY + (
        "import importlib.util as u; "
        "assert u.find_spec('numpy.f2py') and u.find_spec('scipy._lib._docscrape') and u.find_spec('json'); "
        "import sys; finder = sys.meta_path[0]; assert finder.find_spec('scipy._lib._docscrape', ['/nowhere']) is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
