"""A store that several machines share, behind a local folder and a memory file system."""

import pickle

import fsspec
import numpy as np
import pytest

from fusebench import api
from fusebench.engine.shared import SharedStore
from fusebench.engine.store import Entry, Store, place
from fusebench.errors import MissingExtraError, StorageError, UsageError

pytestmark = pytest.mark.usefixtures("in_this_process")

KEY = "ab" + "0" * 62
ENTRY = Entry("any", {"cpu": 1.5}, {"labels0": np.arange(5)})
SPEC = {"name": "shared", "datasets": ["iris"], "learners": ["nb", "dt"], "fusions": {"vote": "voting"}}


@pytest.fixture(params=["file", "memory"])
def url(request, tmp_path):
    if request.param == "file":
        return (tmp_path / "team").as_uri()
    files = fsspec.filesystem("memory")
    files.store.clear()
    return "memory://team"


def test_what_one_machine_makes_another_reads(url, tmp_path):
    SharedStore(tmp_path / "one", url=url).put(KEY, ENTRY)
    other = SharedStore(tmp_path / "two", url=url)
    assert not Store(tmp_path / "two").has(KEY)
    assert other.has(KEY)
    assert Store(tmp_path / "two").has(KEY)  # fetched once, local from then on
    found = other.get(KEY)
    assert found.meta == {"cpu": 1.5}
    np.testing.assert_array_equal(found.arrays["labels0"], np.arange(5))
    assert other.get("cd" + "0" * 62) is None
    assert not other.has("cd" + "0" * 62)


def test_what_was_sent_in_part_is_made_and_sent_again(url, tmp_path):
    first = SharedStore(tmp_path / "one", url=url)
    first.put(KEY, ENTRY)
    files, folder = fsspec.core.url_to_fs(f"{url}/objects/{place(KEY)}")
    whole = files.cat_file(folder)
    files.pipe_file(folder, whole[:-1])
    second = SharedStore(tmp_path / "two", url=url)
    assert not second.has(KEY)
    assert second.get(KEY) is None
    second.put(KEY, ENTRY)
    assert files.cat_file(folder) == whole


def test_workers_get_the_local_store(url, tmp_path):
    travelled = pickle.loads(pickle.dumps(SharedStore(tmp_path / "one", url=url)))
    assert type(travelled) is Store
    assert travelled.root == tmp_path / "one"


def test_a_run_on_another_machine_fits_nothing(url, tmp_path, monkeypatch):
    scores = []
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        monkeypatch.chdir(tmp_path / machine)
        place = api.settings(store=url, n_jobs=1)
        assert place.shared == url
        planned = api.make_plan(api.spec_from(SPEC, place=place), place)
        assert bool(planned.missing) == (machine == "one")
        results = api.collect(planned, api.execute(planned, place, api.SilentProgress()), place)
        scores.append(results.scores)
    assert scores[0] == scores[1]
    more = {**SPEC, "fusions": {"vote": "voting", "mean": "averaging"}}
    (tmp_path / "three").mkdir()
    monkeypatch.chdir(tmp_path / "three")
    planned = api.make_plan(api.spec_from(more, place=place), place)
    kinds = {type(task.item).__name__ for task in planned.missing.values() if task.item is not None}
    assert kinds == {"FuseItem", "ScoreItem"}
    assert not api.execute(planned, place, api.SilentProgress()).failed


def test_urls_that_cannot_be_opened(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="nosuch://x"):
        SharedStore(tmp_path, url="nosuch://x")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="--store file:"):
        SharedStore(tmp_path / "s", url=(tmp_path / "file").as_uri() + "/below").put(KEY, ENTRY)
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"fusebench\[shared\]"):
        SharedStore(tmp_path, url="memory://x")


def test_the_cache_commands_look_after_folders_only(fusebench):
    done = fusebench("cache", "gc", "--store", "memory://x")
    assert done.returncode == 2
    assert "not a URL" in done.stderr
