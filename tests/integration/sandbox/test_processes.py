"""No process outlives its run, however the run ends."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.launch import PARENT_GONE
from sandbox.locks import DataDirInUseError
from sandbox.ports import free_port
from sandbox.processes import ProcessError, ProcessRunner, StopRequested
from sandbox.spawn import Child
from tests.integration.sandbox.helpers import finish, is_gone, next_line, run_script
from tests.support.waiting import eventually_blocking

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN_SCRIPT = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(600)
"""
STUBBORN = [sys.executable, "-c", STUBBORN_SCRIPT]
FAMILY_SCRIPT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
print(child.pid, flush=True)
time.sleep(600)
"""
FAMILY = [sys.executable, "-c", FAMILY_SCRIPT]
RUN = """
import sys, time
from pathlib import Path
from sandbox.processes import ProcessRunner
with ProcessRunner(Path(sys.argv[1])) as run:
    child = run.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.process.pid, flush=True)
    time.sleep(600)
"""


def serve(status: int, port: int) -> list[str]:
    """Return the command of a server that answers every GET with `status`."""
    script = f"""
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status})
        self.end_headers()
HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""
    return [sys.executable, "-c", script]


def is_up(run: ProcessRunner, name: str) -> None:
    """Wait until the child has printed its first line."""
    eventually_blocking(lambda: run.log_path(name).read_text(), because=f"{name} is up")


def test_a_child_is_ready_when_its_url_answers_200(data_dir: Path) -> None:
    port = free_port()
    with ProcessRunner(data_dir) as run:
        child = run.start("server", serve(200, port))
        run.wait_until_ready("server", f"http://127.0.0.1:{port}/health/ready")
        run.check()
    assert is_gone(child.process.pid)


def test_a_child_that_never_becomes_ready_is_reported_with_its_last_answer(data_dir: Path) -> None:
    port = free_port()
    with ProcessRunner(data_dir) as run:
        run.start("server", serve(503, port))
        eventually_blocking(lambda: "ready" in _why_not_ready(run, port), because="it answers 503")
        assert "503" in _why_not_ready(run, port)


def _why_not_ready(run: ProcessRunner, port: int) -> str:
    with pytest.raises(ProcessError) as caught:
        run.wait_until_ready("server", f"http://127.0.0.1:{port}/", within_seconds=1)
    return str(caught.value)


def test_a_child_that_ends_while_awaited_fails_at_once_with_the_end_of_its_log(
    data_dir: Path,
) -> None:
    with ProcessRunner(data_dir) as run:
        run.start("broken", [sys.executable, "-c", "import sys; print('no port'); sys.exit(3)"])
        with pytest.raises(ProcessError, match=r"broken has ended \(3\):\nno port"):
            run.wait_until_ready("broken", f"http://127.0.0.1:{free_port()}/", within_seconds=60)


def test_a_command_that_does_not_exist_is_reported(data_dir: Path) -> None:
    with ProcessRunner(data_dir) as run:
        run.start("absent", ["quittance-no-such-programme"])
        with pytest.raises(ProcessError, match="cannot start quittance-no-such-programme"):
            run.wait_until_ready("absent", f"http://127.0.0.1:{free_port()}/", within_seconds=60)


def test_children_are_stopped_in_reverse_order(data_dir: Path) -> None:
    order: list[str] = []
    with ProcessRunner(data_dir) as run:
        run.also_stop("first", lambda: order.append("first"))
        run.start("second", SLEEPER)
        is_up(run, "second")
        run.also_stop("third", lambda: order.append("third"))
    assert order == ["third", "first"]


def test_a_part_that_fails_to_stop_does_not_keep_the_others_running(data_dir: Path) -> None:
    def fail() -> None:
        raise RuntimeError("cannot stop")

    children: list[Child] = []

    def one_run() -> None:
        with ProcessRunner(data_dir) as run:
            children.append(run.start("sleeper", SLEEPER))
            run.also_stop("failing", fail)

    with pytest.raises(ExceptionGroup, match="did not stop cleanly"):
        one_run()
    assert is_gone(children[0].process.pid)


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace_period(data_dir: Path) -> None:
    with ProcessRunner(data_dir, grace_seconds=0.3) as run:
        run.start("stubborn", STUBBORN)
        is_up(run, "stubborn")
        assert run.stop("stubborn") == -signal.SIGKILL


def test_a_grandchild_is_ended_with_its_group(data_dir: Path) -> None:
    with ProcessRunner(data_dir) as run:
        run.start("family", FAMILY)
        is_up(run, "family")
        grandchild = int(run.log_path("family").read_text())
        run.stop("family")
    eventually_blocking(lambda: is_gone(grandchild), because="the grandchild is gone")


def test_a_killed_child_can_be_started_again_under_its_name(data_dir: Path) -> None:
    with ProcessRunner(data_dir) as run:
        first = run.start("sleeper", SLEEPER)
        is_up(run, "sleeper")
        run.kill("sleeper")
        second = run.start("sleeper", SLEEPER)
        assert is_gone(first.process.pid)
        assert second.exit_status() is None
        with pytest.raises(ProcessError, match="already running"):
            run.start("sleeper", SLEEPER)


def test_an_earlier_log_is_kept_beside_the_new_one(data_dir: Path) -> None:
    with ProcessRunner(data_dir) as run:
        for word in ("one", "two"):
            child = run.start("talker", [sys.executable, "-c", f"print({word!r})"])
            child.wait(within_seconds=20)
        assert run.log_path("talker").read_text() == "two\n"
        assert run.log_path("talker").with_name("talker.log.1").read_text() == "one\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_sighup_end_the_block_and_the_children(
    data_dir: Path, number: signal.Signals
) -> None:
    children: list[Child] = []

    def one_run() -> None:
        with ProcessRunner(data_dir) as run:
            children.append(run.start("sleeper", SLEEPER))
            os.kill(os.getpid(), number)
            eventually_blocking(lambda: False, within_seconds=10, because="the signal arrived")

    before = signal.signal(number, signal.SIG_DFL)  # under nohup, SIGHUP would be ignored
    try:
        with pytest.raises(StopRequested) as caught:
            one_run()
    finally:
        signal.signal(number, before)
    assert caught.value.code == 128 + number
    assert is_gone(children[0].process.pid)


def test_ctrl_c_while_a_child_is_being_started_forgets_no_child(data_dir: Path) -> None:
    children: list[Child] = []

    def one_run() -> None:
        with ProcessRunner(data_dir) as run:
            with run._signals_held_back():
                os.kill(os.getpid(), signal.SIGINT)
                children.append(run.start("sleeper", SLEEPER))
            pytest.fail("the signal was lost")

    with pytest.raises(KeyboardInterrupt):
        one_run()
    assert is_gone(children[0].process.pid)


def test_a_second_ctrl_c_ends_the_grace_period(data_dir: Path) -> None:
    children: list[Child] = []

    def one_run() -> None:
        with ProcessRunner(data_dir, grace_seconds=600) as run:
            children.append(run.start("stubborn", STUBBORN))
            is_up(run, "stubborn")
            run.also_stop("impatience", lambda: os.kill(os.getpid(), signal.SIGINT))
            os.kill(os.getpid(), signal.SIGINT)
            eventually_blocking(lambda: False, within_seconds=10, because="the signal arrived")

    with pytest.raises(KeyboardInterrupt):
        one_run()
    assert is_gone(children[0].process.pid)


def test_no_child_is_left_when_the_run_itself_is_killed(data_dir: Path) -> None:
    run = run_script(RUN, str(data_dir))
    child = int(next_line(run))
    run.kill()
    assert finish(run) == -signal.SIGKILL
    eventually_blocking(lambda: is_gone(child), because="the child died with its parent")


def test_a_run_ended_by_sigterm_leaves_no_child_and_says_so_in_its_exit_code(
    data_dir: Path,
) -> None:
    run = run_script(RUN, str(data_dir))
    child = int(next_line(run))
    run.terminate()
    assert finish(run) == 128 + signal.SIGTERM
    assert is_gone(child)


def test_a_child_whose_parent_has_already_died_does_not_start(data_dir: Path) -> None:
    witness = data_dir / "started"
    script = f"""
import subprocess, sys
from pathlib import Path
import sandbox.launch
not_the_parent = "1"
command = [sys.executable, "-c", "open({str(witness)!r}, 'w')"]
print(subprocess.run([sys.executable, sandbox.launch.__file__, not_the_parent, "9", "-", "--",
    *command]).returncode)
"""
    run = run_script(script)
    assert next_line(run) == str(PARENT_GONE)
    assert finish(run) == 0
    assert not witness.exists()


def test_a_second_run_in_the_same_data_directory_is_refused_in_plain_words(data_dir: Path) -> None:
    second = ProcessRunner(data_dir)
    in_words = f"already in use by process {os.getpid()}"
    with ProcessRunner(data_dir), pytest.raises(DataDirInUseError, match=in_words):
        second.__enter__()
    with ProcessRunner(data_dir):
        pass  # free again after the first run has ended


def test_the_data_directory_is_free_after_a_run_was_killed(data_dir: Path) -> None:
    run = run_script(RUN, str(data_dir))
    next_line(run)
    run.kill()
    finish(run)
    with ProcessRunner(data_dir) as again:
        assert again.start("sleeper", SLEEPER).exit_status() is None
