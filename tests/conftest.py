"""What several test folders share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fusebench import api


@pytest.fixture
def fusebench(tmp_path):
    """Run the command line in a process of its own, in an empty folder."""

    def run(*arguments, env=None, timeout=120):
        command = [sys.executable, "-m", "fusebench", *map(str, arguments)]
        here = Path(__file__).parents[1]
        environment = {**os.environ, "PYTHONPATH": str(here), "COLUMNS": "100", **(env or {})}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def bench(tmp_path):
    """Run a benchmark given as plain data; failures are returned in the results."""

    def run(data, n_jobs=2, store=None, **settings):
        loaded = api.spec_from({"name": "test", **data}, base=tmp_path)
        place = api.settings(store=store or tmp_path / "store", n_jobs=n_jobs, **settings)
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
