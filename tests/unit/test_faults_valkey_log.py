"""A lost second is a log that ends earlier: never one with a hole in it."""

from pathlib import Path

from tests.faults.damage_valkey import APPEND_ONLY, cut_log, log_sizes


def log(data: Path, **files: str) -> Path:
    (data / APPEND_ONLY).mkdir(exist_ok=True)
    for name, text in files.items():
        (data / APPEND_ONLY / f"appendonly.aof.{name}.incr.aof").write_text(text)
    return data


def rest(data: Path) -> dict[str, str]:
    return {path.name.split(".")[2]: path.read_text() for path in log_sizes(data)}


def test_what_was_written_since_is_cut_off(tmp_path: Path) -> None:
    before = log_sizes(log(tmp_path, one="first"))
    log(tmp_path, one="first second")
    assert cut_log(tmp_path, before) == len(" second")
    assert rest(tmp_path) == {"one": "first"}


def test_a_file_that_a_rewrite_began_since_is_emptied(tmp_path: Path) -> None:
    before = log_sizes(log(tmp_path, one="first"))
    log(tmp_path, one="first second", two="third")
    assert cut_log(tmp_path, before) == len(" secondthird")
    assert rest(tmp_path) == {"one": "first", "two": ""}


def test_a_file_that_a_finished_rewrite_took_away_is_no_matter(tmp_path: Path) -> None:
    before = log_sizes(log(tmp_path, one="first"))
    (tmp_path / APPEND_ONLY / "appendonly.aof.one.incr.aof").unlink()
    log(tmp_path, two="second")
    assert cut_log(tmp_path, before) == len("second")
    assert rest(tmp_path) == {"two": ""}
