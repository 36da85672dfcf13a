"""A room on one machine: a real JupyterHub with its proxy, and learners who each run a lesson through their server's API.

``python tests/room.py --hub FOLDER [--learners 10] [--threads 1]`` as root on Linux; ``tests/test_classroom.py`` calls it. It starts itself anew
in namespaces of its own, where the accounts of the learners are known and the network is a loopback alone, so nothing of the
system is changed. ``FOLDER`` holds what the test installed. Prints one line of JSON; ``--keep`` notes the figures for the table of
``docs/classroom.md``.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import nbformat
import psutil
import websockets

ROOT = Path(__file__).resolve().parents[1]
HUB = "http://127.0.0.1:8765"
TOKEN = uuid.uuid4().hex
FIRST_ID = 60_000
CONFIG = f"""
import os
exec(open({str(ROOT / "docs" / "classroom" / "jupyterhub_classroom.py")!r}).read())
c.JupyterHub.bind_url = "{HUB}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:8766"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:8767"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
c.Spawner.http_timeout = c.Spawner.start_timeout = 180
c.Spawner.environment |= {{"TUTORIAL_PROFILE": "smoke", "OMP_NUM_THREADS": os.environ["ROOM_THREADS"]}}
c.JupyterHub.services = [{{"name": "teacher", "api_token": "{TOKEN}"}}]
c.JupyterHub.load_roles = [{{"name": "teacher", "services": ["teacher"], "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"]}}]
c.JupyterHub.log_level = "WARN"
"""


def apart(folder: Path, learners: int) -> None:
    """Within the namespaces: accounts for the learners, homes, and a way to Python where its folder is closed to others."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    homes = folder / "homes"
    shutil.rmtree(homes, ignore_errors=True)
    homes.mkdir()
    for file, line in (("passwd", "{name}:x:{uid}:{uid}::{home}:/bin/sh\n"), ("group", "{name}:x:{uid}:\n")):
        lines = [line.format(name=name(n), uid=FIRST_ID + n, home=homes / name(n)) for n in range(learners)]
        (folder / file).write_text(Path("/etc", file).read_text() + "".join(lines))
        subprocess.run(["mount", "--bind", folder / file, f"/etc/{file}"], check=True)
    for number in range(learners):
        home = homes / name(number)
        home.mkdir(mode=0o700)
        os.chown(home, FIRST_ID + number, FIRST_ID + number)
    for place in (Path(sys.base_prefix), ROOT):
        for closed in reversed(place.parents):
            if not closed.stat().st_mode & 0o001:  # such as /root: others see nothing of it but the way to ``place``
                inner, kept = closed / place.relative_to(closed).parts[0], folder / "inner"
                kept.mkdir(exist_ok=True)
                subprocess.run(["mount", "--bind", inner, kept], check=True)
                subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", closed], check=True)
                inner.mkdir()
                subprocess.run(["mount", "--bind", kept, inner], check=True)
                break


def name(number: int) -> str:
    return f"learner{number}"


async def ask(method: str, path: str, token: str = TOKEN, **body):
    """The status and the answer of an API, of the hub or of a learner's server."""
    command = ["curl", "-sS", "-X", method, "-w", "\n%{http_code}", "-H", f"Authorization: token {token}", HUB + path]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body else []
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    answer, errors = await process.communicate()
    text, _, status = answer.decode().rpartition("\n")
    return int(status or 0), json.loads(text) if text.strip().startswith(("{", "[")) else text + errors.decode()


class Learner:
    """Somebody in the room, with a server and a kernel of their own."""

    def __init__(self, number: int) -> None:
        self.name, self.uid = name(number), FIRST_ID + number
        self.token = self.kernel = ""

    async def arrive(self, track: str) -> None:
        status, answer = await ask("POST", f"/hub/api/users/{self.name}")
        assert status == 201, answer
        status, answer = await ask("POST", f"/hub/api/users/{self.name}/server")
        assert status in (201, 202), answer
        while not (await ask("GET", f"/hub/api/users/{self.name}"))[1]["servers"].get("", {}).get("ready"):
            await asyncio.sleep(0.5)
        _, answer = await ask("POST", f"/hub/api/users/{self.name}/tokens", note="lesson")
        self.token = answer["token"]
        status, answer = await ask(
            "POST", f"/user/{self.name}/api/kernels", self.token, name=f"text-classification-{track}"
        )
        assert status == 201, answer
        self.kernel = answer["id"]

    async def run(self, cells: list[str], after=None) -> list[str]:
        """What the cells print, each run to its end; raises at the first that fails. ``after`` is called when one has begun."""
        address = f"{HUB.replace('http', 'ws')}/user/{self.name}/api/kernels/{self.kernel}/channels"
        said = []
        async with websockets.connect(
            address,
            additional_headers={"Authorization": f"token {self.token}"},
            max_size=None,
            ping_timeout=None,
            open_timeout=120,
        ) as channel:
            for source in cells:
                number = uuid.uuid4().hex
                header = {
                    "msg_id": number,
                    "username": self.name,
                    "session": "room",
                    "msg_type": "execute_request",
                    "version": "5.4",
                }
                content = {
                    "code": source,
                    "silent": False,
                    "store_history": True,
                    "user_expressions": {},
                    "allow_stdin": False,
                    "stop_on_error": True,
                }
                await channel.send(
                    json.dumps(
                        {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
                    )
                )
                text, answered, idle = "", False, False
                while not (answered and idle):  # they come on channels of their own, in any order
                    message = json.loads(await channel.recv())
                    kind, content = message["msg_type"], message["content"]
                    if kind == "status" and content["execution_state"] in ("restarting", "autorestarting", "dead"):
                        raise ConnectionResetError("the kernel died")
                    if message["parent_header"].get("msg_id") != number:
                        continue
                    if kind == "stream":
                        text += content["text"]
                    if kind == "execute_reply":
                        if content["status"] != "ok":
                            raise RuntimeError(f"{self.name}: {content.get('evalue')} in: {source[:80]}")
                        answered = True
                    idle = idle or (kind == "status" and content["execution_state"] == "idle")
                    if kind == "status" and content["execution_state"] == "busy" and after:
                        await after(source)
                said.append(text)
        return said

    def processes(self):
        for process in psutil.process_iter(["uids"]):
            if process.info["uids"] and process.info["uids"].real == self.uid:
                yield process


async def watch(learners: list[Learner], peaks: dict[str, float]) -> None:
    """The largest memory (GB, shared pages counted by their share) of each learner's processes, and of all together."""
    while True:
        total = 0.0
        for learner in learners:
            size = 0
            for process in learner.processes():
                try:
                    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                    size += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) * 1024
                except (OSError, TypeError):
                    continue
            peaks[learner.name] = max(peaks.get(learner.name, 0), size / 1e9)
            total += size / 1e9
        peaks["all"] = max(peaks.get("all", 0), total)
        await asyncio.sleep(2)


SPY = """
import os
from pathlib import Path
found = []
for place in {places!r}:
    try:
        Path(place).read_bytes() if not os.path.isdir(place) else os.listdir(place)
        found.append(place)
    except OSError:
        pass
try:
    (Path(os.environ["TUTORIAL_CACHE"]) / "mine").touch()
    found.append("wrote into the cache")
except OSError:
    pass
print("SPIED", found, os.getuid())
"""


async def lesson(track: str, count: int, folder: Path) -> dict:
    """Ten learners come, run lesson 01, one of them loses the kernel; what that took."""
    path = ROOT / "notebooks" / track / "01_text_classification.ipynb"
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    learners, peaks = [Learner(number) for number in range(count)], {}
    await asyncio.gather(*(learner.arrive(track) for learner in learners))
    watcher = asyncio.create_task(watch(learners, peaks))
    unlucky, killed, seconds, accuracy = learners[0], [], {}, {}

    async def kill(source: str) -> None:
        if "trainer.train(" in source or "model.fit(" in source:
            await asyncio.sleep(3)
            for process in unlucky.processes():
                if "ipykernel_launcher" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    killed.append(process.pid)

    async def work(learner: Learner) -> None:
        start = time.monotonic()
        try:
            said = await learner.run(cells, kill if learner is unlucky else None)
        except (ConnectionResetError, websockets.ConnectionClosed):
            await asyncio.sleep(3)  # the server starts the kernel anew; the learner runs the lesson again
            said = await learner.run(cells)
        seconds[learner.name] = round(time.monotonic() - start)
        accuracy[learner.name] = "\n".join(said)

    start = time.monotonic()
    await asyncio.gather(*map(work, learners))
    took = time.monotonic() - start
    watcher.cancel()
    # What one can see of another: the home, the token in the environment of the server, and the server itself.
    other, spy = learners[1], learners[2]
    server = next(process.pid for process in other.processes())
    places = [str(folder / "homes" / other.name), f"/proc/{server}/environ", f"/proc/{server}/mem"]
    (spied,) = await spy.run([SPY.format(places=places)])
    return {
        "learners": count, "seconds": round(took), "each": seconds, "killed": len(killed),
        "learned": {one: bool(re.search(r"[Aa]ccuracy", text)) for one, text in accuracy.items()},
        "memory_all": round(peaks.pop("all"), 2), "memory_each": round(max(peaks.values()), 2),
        "spied": spied.strip(),
        "statuses": [
            (await ask("GET", f"/user/{other.name}/api/contents", spy.token))[0],
            (await ask("GET", f"/user/{other.name}/api/contents", other.token))[0],
            (await ask("POST", f"/hub/api/shares/{spy.name}/", spy.token, user=other.name))[0],
            (await ask("GET", f"/hub/api/users/{other.name}/tokens", spy.token))[0],
        ],
    }  # fmt: skip


RESULTS, PAGE = ROOT / "benchmarks" / "results" / "classroom.json", ROOT / "docs" / "classroom.md"


def keep(room: dict, track: str, threads: str) -> None:
    """Note the figures of a room, and write the table anew."""
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows[f"{track}, {room['learners']}, {threads}"] = {
        "track": track, "learners": room["learners"], "threads": int(threads), "seconds": room["seconds"],
        "memory_all": room["memory_all"], "memory_each": room["memory_each"], "cores": os.cpu_count(),
    }  # fmt: skip
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    lines = [
        "| track | learners at once | threads each | until all have ended | memory, all together | memory, the largest learner |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows.values(), key=lambda row: (row["track"], row["learners"], row["threads"])):
        lines.append(
            f"| {row['track']} | {row['learners']} | {row['threads']} | {row['seconds']} s | {row['memory_all']} GB | {row['memory_each']} GB |"
        )
    made = f"<!-- table -->\n\n{chr(10).join(lines)}\n\nOn {os.cpu_count()} cores, lesson 01 at the smoke profile.\n\n<!-- end -->"
    PAGE.write_text(re.sub(r"<!-- table -->.*?<!-- end -->", lambda _: made, PAGE.read_text(), flags=re.S))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hub", type=Path, required=True)
    parser.add_argument("--track", default="pytorch")
    parser.add_argument("--learners", type=int, default=10)
    parser.add_argument("--threads", default="1")
    parser.add_argument("--keep", action="store_true", help="note the figures for docs/classroom.md")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.hub.resolve()
    if not arguments.apart:
        os.execvp("unshare", ["unshare", "--mount", "--net", sys.executable, __file__, *sys.argv[1:], "--apart"])
    apart(folder, arguments.learners)
    (folder / "config.py").write_text(CONFIG)
    for left in folder.glob("jupyterhub.sqlite*"):  # the learners of an earlier call
        left.unlink()
    path = os.pathsep.join([str(folder / "venv" / "bin"), str(folder / "node_modules" / ".bin"), os.environ["PATH"]])
    env = {
        "PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "ROOM_THREADS": arguments.threads,
        "TUTORIAL_KIT": str(ROOT), "TUTORIAL_CACHE": str(folder / "cache"),
    }  # fmt: skip
    with (folder / "hub.log").open("w") as log:
        hub = subprocess.Popen(
            [folder / "venv" / "bin" / "jupyterhub", "-f", "config.py"], cwd=folder, env=env, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while asyncio.run(ask("GET", "/hub/api/"))[0] != 200:
            assert hub.poll() is None and time.monotonic() < deadline, (folder / "hub.log").read_text()[-3000:]
            time.sleep(0.5)
        room = asyncio.run(asyncio.wait_for(lesson(arguments.track, arguments.learners, folder), 900))
        if arguments.keep:
            keep(room, arguments.track, arguments.threads)
        print(json.dumps(room))
    finally:
        hub.send_signal(signal.SIGINT)
        try:
            hub.wait(30)
        except subprocess.TimeoutExpired:
            hub.kill()
        for process in psutil.process_iter(["uids"]):
            if process.info["uids"] and FIRST_ID <= process.info["uids"].real < FIRST_ID + arguments.learners:
                process.kill()
        shutil.rmtree(folder / "homes", ignore_errors=True)


if __name__ == "__main__":
    main()
