"""What several test folders share."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from fusebench import api
from fusebench.engine.execute import local

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks" / "reliability"))
from faults import Forge  # noqa: E402


@pytest.fixture(scope="session")
def forge():
    """A warm process that forks one command an order: the real command line, without its imports each time."""
    with Forge() as forge:
        yield forge


@pytest.fixture
def fusebench(tmp_path, forge):
    """Run the command line in a process of its own, forked from a warm one, in an empty folder."""

    def run(*arguments, env=None, cwd=tmp_path):
        argv = [str(one) for one in arguments]
        done = forge.run(argv, cwd, env={"COLUMNS": "100", **(env or {})})
        return subprocess.CompletedProcess(["fusebench", *argv], done["code"], done["stdout"], done["stderr"])

    return run


@pytest.fixture
def heeded():
    """Let processes of this test heed a signal that whoever started the tests ignores, as ``nohup`` does."""
    before = {}

    def heed(number):
        if signal.getsignal(number) == signal.SIG_IGN:
            before[number] = signal.signal(number, signal.SIG_DFL)

    yield heed
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def cold_fusebench(tmp_path):
    """Run the command line as a shell does, interpreter, imports, fork server and all: seconds dearer than forked."""

    def run(*arguments, env=None):
        command = [sys.executable, "-m", "fusebench", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(env or {})}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


@pytest.fixture(scope="module")
def in_this_process():
    """Let a module's runs do here what they would send to workers: starting those costs seconds, and has its own tests."""

    def run_here(run, executor, limits):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as a worker does
            local._run_inline(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "_run_supervised", run_here)
        patch.setattr(local, "warm_up", lambda specs, more=(): None)  # there will be no workers
        yield


@pytest.fixture
def bench(tmp_path, in_this_process):
    """Run a benchmark given as plain data, in this process; failures are returned in the results."""

    def run(data, store=None, **settings):
        loaded = api.spec_from({"name": "test", **data}, base=tmp_path)
        place = api.settings(store=store or tmp_path / "store", n_jobs=1, **settings)
        planned = api.make_plan(loaded, place)
        return api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)

    return run


WORDS = ["the", "film", "movie", "plot", "is", "good", "great", "fine", "bad", "poor", "dull", "not", "very"]


def make_tiny_bert(folder, seed=0, n_layers=2):
    """Write a BERT with random weights and a WordPiece vocabulary of its own; return the folder."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=n_layers, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def make_reviews(n_samples=60, seed=0):
    """Return texts whose class one word tells, and the classes."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n_samples)
    words = [["bad", "poor", "dull"], ["good", "great", "fine"]]
    texts = [f"the {rng.choice(['film', 'movie', 'plot'])} is {rng.choice(words[label])}" for label in y]
    return pd.DataFrame({"text": texts}), y


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """The folder of a language model of two layers that takes a second to make."""
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def reviews():
    """Texts and their classes."""
    return make_reviews()
