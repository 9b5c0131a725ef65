"""Trials through a gRPC server, against Optuna's proxy: a trial has 10 parameters and 5 reports.

    python -m benchmarks.remote                              1 and 8 clients, memory and SQLite
    python -m benchmarks.remote --modules skipjack --clients 200 --trials 10

Run it with an interpreter that has Optuna, grpcio, protobuf and Skipjack installed. The server is a
process of its own, and so is each client, forked from one that has made its imports. Printed is one
JSON line a case: trials and requests per second, milliseconds of a request (median, 99th
percentile), memory of the server, and whether all trials are there with dense numbers.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

HOST = "127.0.0.1"


def objective(trial: Any) -> float:
    x = [trial.suggest_float(f"x{i}", -5.0, 5.0) for i in range(10)]
    for step in range(5):
        trial.report(x[0] * step, step)
    return sum(v * v for v in x)


def quiet(module: str) -> Any:
    hp = importlib.import_module(module)
    hp.logging.set_verbosity(hp.logging.ERROR)
    return hp


def serve(module: str, behind: str, port: int) -> None:
    """Be the server, in the current folder."""
    hp = quiet(module)
    storage = (
        hp.storages.InMemoryStorage()
        if behind == "memory"
        else hp.storages.RDBStorage("sqlite:///study.db")
    )
    hp.storages.run_grpc_proxy_server(storage, host=HOST, port=port)


def opened(hp: Any, port: int) -> Any:
    storage = hp.storages.GrpcStorageProxy(host=HOST, port=port)
    storage.wait_server_ready(timeout=60)
    return hp.create_study(
        study_name="bench",
        storage=storage,
        sampler=hp.samplers.RandomSampler(),
        load_if_exists=True,
    )


def work(module: str, port: int, n: int, barrier: Any, answers: Any) -> None:
    """Be a client: run trials, and send how long each request took, where that can be seen."""
    hp = quiet(module)
    study, took = opened(hp, port), []
    log = getattr(getattr(study._storage, "ledger", None), "log", None)
    if log is not None:
        ask = log._message

        def timed(*arguments: Any) -> Any:
            start = perf_counter()
            answer = ask(*arguments)
            took.append((perf_counter() - start) * 1e3)
            return answer

        log._message = timed
    barrier.wait(300)
    study.optimize(objective, n_trials=n)
    answers.put(took)


def peak_mb(pid: int) -> float:
    """The most memory that a process had; NaN where /proc does not tell."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return float("nan")
    return round(float(text.split("VmHWM:")[1].split()[0]) / 1024, 1)


def clients(module: str, port: int, n_clients: int, trials: int, pid: int) -> dict[str, Any]:
    """Let the clients run, and look at the study afterwards."""
    quiet(module)
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(n_clients + 1), context.Queue()
    crew = [
        context.Process(target=work, args=(module, port, trials, barrier, answers))
        for _ in range(n_clients)
    ]
    for member in crew:
        member.start()
    barrier.wait(300)
    start = perf_counter()
    took = sorted(ms for _ in crew for ms in answers.get(timeout=900))
    seconds = perf_counter() - start
    for member in crew:
        member.join()
    found = opened(quiet(module), port).trials
    line: dict[str, Any] = {
        "trials/s": round(n_clients * trials / seconds, 1),
        "server, MB": peak_mb(pid),
        "dense": [t.number for t in found] == list(range(n_clients * trials)),
        "complete": sum(t.state.name == "COMPLETE" for t in found),
    }
    if took:
        line |= {
            "requests/s": round(len(took) / seconds),
            "requests a trial": round(len(took) / (n_clients * trials), 2),
            "median, ms": round(statistics.median(took), 2),
            "p99, ms": round(took[int(len(took) * 0.99)], 2),
        }
    return line


def case(module: str, behind: str, n_clients: int, trials: int) -> dict[str, Any]:
    """One server, its clients, and what they measured."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(Path(__file__).resolve())]
    numbers = [str(port), str(n_clients), str(trials)]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([*command, "--serve", module, behind, str(port)], cwd=folder)
        try:
            done = subprocess.run(
                [*command, "--drive", module, *numbers, str(server.pid)],
                capture_output=True,
                text=True,
                timeout=1200,
            )
        finally:
            server.terminate()
            server.wait(60)
    if done.returncode:
        return {"failed": done.stderr[-500:]}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--modules", nargs="+", default=["optuna", "skipjack"])
    parser.add_argument("--behind", nargs="+", default=["memory", "sqlite"])
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--trials", type=int, help="of each client; as many as take some seconds")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--drive", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], given.serve[1], int(given.serve[2]))
        return
    if given.drive:
        module, *numbers = given.drive
        port, n_clients, trials, pid = map(int, numbers)
        print(json.dumps(clients(module, port, n_clients, trials, pid)), flush=True)
        sleep(0.1)
        return
    for _ in range(given.repeats):
        for behind in given.behind:
            for n_clients in given.clients:
                for module in given.modules:
                    usual = {"optuna": 60 if behind == "sqlite" else 400}.get(module, 4000)
                    trials = given.trials or max(2, usual // n_clients)
                    line = {"module": module, "behind": behind, "clients": n_clients}
                    line |= case(module, behind, n_clients, trials)
                    print(json.dumps({**line, "cpus": os.cpu_count()}), flush=True)


if __name__ == "__main__":
    main()
