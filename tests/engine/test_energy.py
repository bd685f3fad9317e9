"""Energy counters, played by files."""

import csv
import json
import re
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from fusebench.engine.energy import Energy


@pytest.fixture(autouse=True)
def no_codecarbon(monkeypatch):
    monkeypatch.setattr("fusebench.engine.energy.find_spec", lambda name: None)


def played(monkeypatch, start=lambda: None):
    """Put a codecarbon in place whose runs take a millionth of a kilowatt hour."""

    class Tracker:
        final_emissions_data = SimpleNamespace(energy_consumed=1e-6, codecarbon_version="9.9")

        def __init__(self, *, country_iso_code, save_to_file, log_level, allow_multiple_runs):
            assert not save_to_file

        def start(self):
            start()

        def stop(self):
            return 0.0

    module = ModuleType("codecarbon")
    module.OfflineEmissionsTracker = Tracker
    monkeypatch.setitem(sys.modules, "codecarbon", module)
    monkeypatch.setattr("fusebench.engine.energy.find_spec", lambda name: ModuleSpec(name, None))


def test_codecarbon_estimates_where_nothing_counts(monkeypatch, tmp_path):
    played(monkeypatch)
    with Energy(tmp_path) as energy:
        pass
    assert energy.joules == pytest.approx(3.6)
    assert energy.told()["energy"]["source"].startswith("estimated (codecarbon 9.9)")


def test_a_counter_is_preferred_to_an_estimate(monkeypatch, tmp_path):
    played(monkeypatch)
    zone(tmp_path, "intel-rapl:0", 0)
    with Energy(tmp_path) as energy:
        zone(tmp_path, "intel-rapl:0", 2_000, 1_000_000)
    assert energy.joules == pytest.approx(0.002)
    assert energy.told()["energy"]["source"].startswith("measured (RAPL)")


def test_a_tracker_that_cannot_start_says_nothing(monkeypatch, tmp_path):
    def fail():
        raise RuntimeError("no processor is known")

    played(monkeypatch, fail)
    with Energy(tmp_path) as energy:
        pass
    assert (energy.joules, energy.told()) == (None, {})


def zone(folder, name, count, limit=1_000_000):
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{count}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{limit}\n")


def test_packages_are_counted_once_and_counters_may_wrap(tmp_path):
    zone(tmp_path, "intel-rapl:0", 100_000)
    zone(tmp_path, "intel-rapl:1", 900_000)
    zone(tmp_path, "intel-rapl:0:0", 5)  # a part of the first package
    with Energy(tmp_path) as energy:
        zone(tmp_path, "intel-rapl:0", 600_000)
        zone(tmp_path, "intel-rapl:1", 100_000)
        zone(tmp_path, "intel-rapl:0:0", 9)
    assert energy.joules == 0.5 + 0.2
    assert energy.told()["energy"]["source"].startswith("measured (RAPL)")


def test_what_cannot_be_read_is_not_guessed(tmp_path):
    for folder in (tmp_path, tmp_path / "absent"):
        with Energy(folder) as energy:
            pass
        assert (energy.joules, energy.told()) == (None, {})
    zone(tmp_path, "intel-rapl:0", 1)
    with Energy(tmp_path) as energy:
        (tmp_path / "intel-rapl:0" / "energy_uj").write_text("lost")
    assert energy.joules is None


def test_declared_watts_reach_every_table_of_a_run(fusebench, tmp_path):
    (tmp_path / "s.yaml").write_text(
        "name: s\ndatasets: [iris]\nlearners: [nb, dt]\nfusions: {vote: voting}\nresources: {watts: 15}\n"
    )
    assert fusebench("run", "s.yaml", "-q").returncode == 0
    with (tmp_path / "results" / "s" / "model_costs.csv").open() as file:
        rows = {row["model"]: row for row in csv.DictReader(file)}
    for row in rows.values():
        assert float(row["energy_joules"]) == pytest.approx(15 * float(row["total_cpu_seconds"]))
        assert row["energy_source"] == "estimated from declared watts"
    assert float(rows["vote"]["energy_joules"]) > float(rows["nb"]["energy_joules"]) > 0
    page = (tmp_path / "results" / "s" / "report.html").read_text()
    shown = [float(one) for one in re.findall(r"([\d.]+) J \(estimated\)", page)]
    assert len(shown) == len(rows)
    assert min(shown) > 0  # a short run's joules are no zero


def test_without_watts_a_models_energy_is_not_guessed(fusebench, tmp_path):
    (tmp_path / "s.yaml").write_text("name: s\ndatasets: [iris]\nlearners: [nb, dt]\nfusions: {vote: voting}\n")
    assert fusebench("run", "s.yaml", "-q").returncode == 0
    with (tmp_path / "results" / "s" / "model_costs.csv").open() as file:
        assert {(row["energy_joules"], row["energy_source"]) for row in csv.DictReader(file)} == {("", "n/a")}


@pytest.mark.slow
def test_codecarbon_itself_estimates_a_run(cold_fusebench, tmp_path):
    pytest.importorskip("codecarbon", reason="needs fusebench[energy]")
    (tmp_path / "s.yaml").write_text("name: s\ndatasets: [iris]\nlearners: [nb, dt]\nfusions: {vote: voting}\n")
    done = cold_fusebench("run", "s.yaml", "-q")
    assert (done.returncode, "codecarbon" in done.stdout + done.stderr) == (0, False)
    energy = json.loads((tmp_path / "results" / "s" / "environment.json").read_text())["energy"]
    assert energy["joules"] > 0
    assert energy["source"].startswith(("estimated (codecarbon", "measured (RAPL)"))
    assert (
        f"energy of the run: {energy['joules']} J, {energy['source']}"
        in (tmp_path / "results" / "s" / "report.html").read_text()
    )
