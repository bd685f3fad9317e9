"""Energy counters, played by files."""

from fusebench.engine.energy import Energy


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
