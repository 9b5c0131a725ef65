"""The page about a study: whole, self-contained, safe, and small."""

import math
import re
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import skipjack
from skipjack.report import html
from skipjack.report.tables import duration
from skipjack.samplers import TPESampler
from skipjack.study import Study
from skipjack.trial import TrialState
from tests.studies import a_study, storage_of

EVIL = "<script>alert('1')</script>&\"'</style>"
VOID = {"meta", "br"}


class Structure(HTMLParser):
    """Goes through a page, and complains of tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def ids(self) -> set[str | None]:
        return {attrs["id"] for _, attrs in self.tags if "id" in attrs}


def objective(trial: Any) -> float:
    x = trial.suggest_float("x", 0, 1)
    lr = trial.suggest_float("lr", 1e-5, 1, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    if trial.number % 10 == 4:
        raise ValueError("did not converge")
    value = x + abs(math.log10(lr) + 3) + (kind == "b") + 0.1 * trial.suggest_int("k", 1, 9)
    for step in range(4):
        trial.report(value + 1 / (step + 1), step)
        if trial.number > 20 and trial.should_prune():
            raise skipjack.TrialPruned
    return float(value)


@pytest.fixture(scope="module")
def study() -> Study:
    made = a_study(study_name="a study", sampler=TPESampler(seed=0))
    made.optimize(objective, n_trials=60, catch=ValueError)
    return made


@pytest.fixture(scope="module")
def page(study: Study) -> str:
    return html(study)


def test_it_is_written_to_a_file(study: Study, tmp_path: Path) -> None:
    path = study.report(tmp_path / "study.html")
    assert path == tmp_path / "study.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    study.report(str(path), title="Another")
    assert "<h1>Another</h1>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


class TestContent:
    def test_has_all_parts(self, page: str) -> None:
        found = Structure(page)
        parts = {"diagnosis", "best", "figures", "space", "failures", "again"}
        assert parts <= found.ids()
        links = {attrs["href"] for tag, attrs in found.tags if tag == "a"}
        assert links == {f"#{name}" for name in parts}

    def test_tells_the_results(self, study: Study, page: str) -> None:
        text = Structure(page).text
        best = study.best_trial
        assert f"{best.value:.5g}" in text
        assert f"trial {best.number}" in text
        assert f"Trial {study.recommend().number}" in text
        assert "Minimizes its value" in text
        assert "did not converge" in text
        assert "1e-05 to 1, log" in text and "a, b, None" in text

    def test_draws_each_figure(self, page: str) -> None:
        found = Structure(page)
        named = [attrs["aria-label"] for tag, attrs in found.tags if tag == "svg"]
        assert named == [
            "Optimization History Plot",
            "Hyperparameter Importances",
            "Slice Plot",
            "Parallel Coordinate Plot",
            "Intermediate Values Plot",
            "Timeline Plot",
        ]
        assert "NaN" not in page and "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", page)

    def test_its_code_runs(self, study: Study, page: str) -> None:
        code = unescape(re.findall(r"<pre>(.*?)</pre>", page, flags=re.S)[-1])
        code = code.replace("    ...", "    return x").replace("study_name='a study'", "sampler=s")
        names: dict[str, Any] = {"s": skipjack.samplers.RandomSampler()}
        exec(code, names)
        wanted = study.recommend().params
        assert names["study"].best_params == wanted

    def test_names_metrics_and_maximizing(self) -> None:
        study = a_study(direction="maximize")
        study.set_metric_names(["accuracy"])
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=12)
        text = Structure(html(study)).text
        assert "Maximizes accuracy" in text


class TestSafety:
    def test_needs_nothing_but_itself(self, page: str) -> None:
        found = Structure(page)
        assert not {tag for tag, _ in found.tags} & {"script", "link", "img", "iframe", "object"}
        assert not any(key in ("src", "srcset") for _, attrs in found.tags for key in attrs)
        assert "http" not in page and "url(#" in page
        assert "@import" not in page

    def test_shows_what_users_write_as_it_is(self) -> None:
        study = a_study(study_name=EVIL)
        study.set_metric_names([EVIL])
        study.set_user_attr(EVIL, EVIL)

        def objective(trial: Any) -> float:
            x = trial.suggest_float(EVIL, 0, 1) + len(trial.suggest_categorical("c", [EVIL, ""]))
            if trial.number == 3:
                raise ValueError(EVIL)
            trial.report(x, 0)
            return float(x)

        study.optimize(objective, n_trials=30, catch=ValueError)
        for text in (html(study), html(study, title=EVIL)):
            found = Structure(text)
            assert "script" not in {tag for tag, _ in found.tags}
            assert "</style>" not in text.split("<body>")[1]
            assert text.count(EVIL) == 0 and EVIL in found.text

    def test_texts_do_not_end_the_scripts_of_interactive_figures(
        self, require: Callable[..., None]
    ) -> None:
        require("plotly")
        study = a_study()
        name = "<!--<script></script>"
        study.optimize(lambda t: t.suggest_float(name, 0, 1), n_trials=5)
        text = html(study, interactive=True)
        page = text.partition("</head>")[2]
        assert "&lt;!--&lt;script" in page and "<!--" not in page
        scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.S)
        assert len(scripts) == page.count("Plotly.newPlot") == page.count("<script")

    def test_does_not_tell_where_the_study_is_stored(self, tmp_path: Path) -> None:
        study = a_study(storage_of("sqlite", tmp_path))
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=3)
        assert tmp_path.name not in html(study) and "sqlite" not in html(study)


class TestLook:
    def test_goes_with_the_readers_system(self, page: str) -> None:
        assert "@media (prefers-color-scheme:dark)" in page and "@media print" in page

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_may_be_fixed(self, study: Study, theme: Any) -> None:
        text = html(study, theme=theme)
        assert "prefers-color-scheme" not in text and f"color-scheme:{theme};" in text

    def test_every_colour_is_defined(self, page: str) -> None:
        used = set(re.findall(r"var\(--([\w]+)\)", page))
        assert used <= set(re.findall(r"--(\w+):", page))


def test_a_thousand_trials_of_ten_parameters_are_below_three_megabytes() -> None:
    study = a_study()

    def objective(trial: Any) -> float:
        value = sum(trial.suggest_float(f"x{i}", 0, 1) * i for i in range(10))
        for step in range(10):
            trial.report(value / (step + 1), step)
        return float(value)

    skipjack.logging.set_verbosity(skipjack.logging.ERROR)
    study.optimize(objective, n_trials=1000)
    assert len(html(study).encode()) < 1_000_000


def test_three_objectives_are_seen_from_three_sides() -> None:
    study = a_study(directions=["minimize"] * 3)
    study.set_metric_names(["loss", "cost", "size"])
    study.optimize(lambda t: [t.suggest_float(n, 0, 1) for n in "abc"], n_trials=20)
    front = html(study).split("<figure>")[1].split("</figure>")[0]
    assert "Pareto-front" in front and "the front of all three" in front
    assert sorted(re.findall(">(loss|cost|size)<", front)) == [
        "cost",
        "cost",
        "loss",
        "loss",
        "size",
        "size",
    ]
    assert front.count("Pareto front<") == 1


class TestKindsOfStudies:
    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_few_trials(self, n: int) -> None:
        study = a_study()
        study.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=n)
        Structure(html(study))

    def test_only_failures(self) -> None:
        study = a_study()
        for _ in range(3):
            study.tell(study.ask(), state=TrialState.FAIL)
        assert "failures" in Structure(html(study)).ids()

    def test_only_running_and_waiting_trials(self) -> None:
        study = a_study()
        study.ask()
        study.enqueue_trial({"x": 1})
        Structure(html(study))

    @pytest.mark.parametrize("m", [2, 3])
    def test_several_objectives(self, m: int) -> None:
        study = a_study(directions=["minimize"] * m)
        study.optimize(lambda t: [t.suggest_float(f"x{k}", 0, 1) for k in range(m)], n_trials=20)
        found = Structure(html(study))
        assert "Pareto front" in found.text
        drawn = [attrs["aria-label"] for tag, attrs in found.tags if tag == "svg"]
        assert ("Pareto-front Plot" in drawn) == (m <= 3)
        assert [f"History of Value {k}" for k in range(m)] == [n for n in drawn if "History" in n]

    def test_conditional_parameters_and_constraints(self) -> None:
        def objective(trial: Any) -> float:
            if trial.suggest_categorical("kind", ["a", "b"]) == "a":
                value = trial.suggest_float("only a", 0, 1)
            else:
                value = trial.suggest_int("only b", 1, 5)
            trial.set_constraint("c", value - 3)
            return float(value)

        study = a_study()
        study.optimize(objective, n_trials=30)
        Structure(html(study))

    def test_parameters_that_only_failed_trials_had(self) -> None:
        def objective(trial: Any) -> float:
            x = trial.suggest_float("x", 0, 1)
            if trial.number == 1:
                trial.suggest_float("late", 0, 1)
                raise ValueError
            return float(x)

        study = a_study()
        study.optimize(objective, n_trials=4, catch=ValueError)
        assert "late" in Structure(html(study)).text

    def test_infinite_and_equal_values(self) -> None:
        for values in ([math.inf] * 3, [-math.inf, 1.0, 2.0], [1.0] * 5):
            study = a_study()
            for value in values:
                trial = study.ask()
                trial.suggest_float("x", 0, 1)
                study.tell(trial, value)
            Structure(html(study))

    def test_parameters_without_any_choice(self) -> None:
        study = a_study()
        study.optimize(lambda t: float(t.suggest_int("k", 3, 3)), n_trials=10)
        Structure(html(study))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "&lt; 1 ms"),
        (0.02, "20 ms"),
        (1.234, "1.23 s"),
        (59.99, "60 s"),
        (61, "1 min 1 s"),
        (7260, "2 h 1 min"),
        (200_000, "2 d 7 h"),
        (math.nan, "–"),
    ],
)
def test_durations_are_said_in_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("name", "value"), [("theme", "pink"), ("title", 3)])
def test_impossible_wishes(study: Study, name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"`{name}` must be"):
        html(study, **{name: value})


def test_interactive_figures_embed_plotly_once(study: Study, require: Callable[..., None]) -> None:
    require("plotly")
    text = html(study, interactive=True)
    assert text.count("Plotly.newPlot('plot") == 6
    assert text.count("plotly.js v") == 1
    assert "src=" not in re.sub(r"<script>.*?</script>", "", text, flags=re.S)


@pytest.mark.slow
def test_a_browser_shows_it(study: Study, tmp_path: Path, require: Callable[..., None]) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    require("chromium", there=browser is not None)
    assert browser is not None
    flags = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    ]
    for interactive in (False, True):
        path = study.report(tmp_path / "a.html", interactive=interactive)
        made = subprocess.run(
            [
                *(browser, *flags, f"--user-data-dir={tmp_path / f'data{interactive}'}"),
                *("--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"),
                path.as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert "How to reproduce it" in made.stdout
        assert made.stdout.count("main-svg") >= 6 if interactive else "main-svg" not in made.stdout
        assert "Uncaught" not in made.stderr
