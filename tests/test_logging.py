"""Logging: Optuna's format, names and switches."""

from __future__ import annotations

import io
import logging
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from skipjack import logging as ours

LINE = re.compile(r"\[I \d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] hello 3\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def test_a_record_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    ours.get_logger("skipjack.study").info("hello %s", 3)
    out, err = capsys.readouterr()
    assert not out
    assert LINE.fullmatch(err)


@pytest.mark.parametrize(
    ("name", "logger"),
    [
        ("optuna", "skipjack"),
        ("optuna.study", "skipjack.study"),
        ("skipjack", "skipjack"),
        ("skipjack.trial", "skipjack.trial"),
        ("optunax", "optunax"),
        ("anything.else", "anything.else"),
    ],
)
def test_optunas_names_mean_our_loggers(name: str, logger: str) -> None:
    assert ours.get_logger(name) is logging.getLogger(logger)


def test_a_handler_added_under_optunas_name_hears_every_record_once() -> None:
    listener = Listener()
    ours.get_logger("optuna").addHandler(listener)
    ours.get_logger("skipjack.study").info("a")
    ours.get_logger("optuna").warning("b")
    ours.get_logger("optuna.x").debug("too quiet")
    assert listener.heard == ["a", "b"]


def test_records_go_to_what_stderr_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        ours.get_logger("skipjack").info("hello %d", 3)
        assert LINE.fullmatch(stream.getvalue())


def test_a_program_without_stderr_logs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    ours.get_logger("skipjack").info("hello")


@pytest.mark.parametrize(
    ("level", "code"), [(logging.INFO, "32"), (logging.WARNING, "33"), (logging.ERROR, "31")]
)
def test_a_terminal_shows_colour(monkeypatch: pytest.MonkeyPatch, level: int, code: str) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    ours.get_logger("skipjack").log(level, "hello ] there")
    assert re.fullmatch(rf"\x1b\[{code}m\[. [^]]*\]\x1b\[0m hello \] there\n", stream.getvalue())


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_declined(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    ours.get_logger("skipjack").info("hello 3")
    assert LINE.fullmatch(stream.getvalue())


def test_the_default_formatter_writes_no_colour_into_files() -> None:
    record = logging.LogRecord("skipjack", logging.INFO, "", 0, "hello %d", (3,), None)
    assert LINE.fullmatch(ours.create_default_formatter().format(record) + "\n")


def test_the_default_handler_can_be_taken_off_and_put_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = ours.get_logger("skipjack")
    for _ in range(2):
        ours.disable_default_handler()
    logger.info("hello %d", 3)
    assert capsys.readouterr().err == ""
    for _ in range(2):
        ours.enable_default_handler()
    logger.info("hello %d", 3)
    assert LINE.fullmatch(capsys.readouterr().err)


def test_propagation_is_off_until_asked_for() -> None:
    listener = Listener()
    logging.getLogger().addHandler(listener)
    try:
        ours.get_logger("skipjack.x").info("a")
        ours.enable_propagation()
        ours.get_logger("skipjack.x").info("b")
        ours.disable_propagation()
        ours.get_logger("skipjack.x").info("c")
    finally:
        logging.getLogger().removeHandler(listener)
    assert listener.heard == ["b"]


def test_verbosity_is_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert ours.get_verbosity() == ours.INFO == logging.INFO
    ours.set_verbosity(ours.WARNING)
    assert ours.get_verbosity() == ours.WARN
    ours.get_logger("skipjack.y").info("too quiet")
    assert capsys.readouterr().err == ""


def test_the_handler_is_attached_once_whoever_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logger = logging.getLogger("skipjack")
    logger.handlers.clear()
    monkeypatch.setattr(ours, "_handler", None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ours.get_logger, ["optuna"] * 50))
    assert len(logger.handlers) == 1


def test_a_level_that_was_set_before_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("skipjack")
    logger.handlers.clear()
    logger.setLevel(logging.ERROR)
    monkeypatch.setattr(ours, "_handler", None)
    assert ours.get_verbosity() == logging.ERROR


def test_all_levels_are_there() -> None:
    for name in ("CRITICAL", "DEBUG", "ERROR", "FATAL", "INFO", "WARN", "WARNING"):
        assert getattr(ours, name) == getattr(logging, name)
