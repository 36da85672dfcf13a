"""A Hugging Face Hub on loopback, for the tests: the part of its protocol that the lessons' real clients use.

Repositories are bare git repositories in a temporary folder, so that a commit through the API and a ``git push`` are
the same thing; ``git http-backend`` serves git, and large files follow the Git LFS batch protocol or Xet (``xet.py``).
Protocols: https://huggingface.co/docs/hub/api, https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md,
https://git-scm.com/docs/git-http-backend.
"""

import asyncio
import base64
import hashlib
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from xet import Xet

LFS_SUFFIXES = (".safetensors", ".parquet", ".h5", ".bin")
LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n"
AUTHOR = {
    "GIT_AUTHOR_NAME": "hub",
    "GIT_AUTHOR_EMAIL": "hub@localhost",
    "GIT_COMMITTER_NAME": "hub",
    "GIT_COMMITTER_EMAIL": "hub@localhost",
}


class Hub:
    """The server and what it knows. ``tokens`` maps a token to ``(user, role)``; role is ``"write"`` or ``"read"``.

    ``faults`` is a list of functions that see each request first; one that returns a response answers in its place.
    """

    def __init__(self, folder: Path, tokens: dict[str, tuple[str, str]]):
        self.folder, self.tokens, self.faults = folder, tokens, []
        self.requests: list[tuple[str, str]] = []
        (folder / "lfs").mkdir(parents=True)
        self.xet = Xet(folder)
        config = uvicorn.Config(self.app(), host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.endpoint = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_):
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(timeout=10)

    # Repositories

    def git(self, repo: Path, *arguments, data: bytes | None = None, **environment) -> bytes:
        done = subprocess.run(
            ["git", "-C", repo, *arguments], input=data, capture_output=True, env=os.environ | AUTHOR | environment
        )
        if done.returncode:
            raise FileNotFoundError(done.stderr.decode())
        return done.stdout

    def path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.git"

    def create(self, kind: str, name: str) -> Path:
        repo = self.path(kind, name)
        repo.mkdir(parents=True)
        self.git(repo, "init", "--quiet", "--bare", "--initial-branch=main")
        self.git(repo, "config", "http.receivepack", "true")
        self.commit(kind, name, {".gitattributes": "".join(f"*{s} filter=lfs diff=lfs merge=lfs -text\n" for s in LFS_SUFFIXES).encode()})  # fmt: skip
        return repo

    def commit(self, kind: str, name: str, files: dict[str, bytes], message: str = "commit") -> str:
        """Add or replace files (LFS pointers where they are LFS already); returns the commit's id."""
        repo, index = self.path(kind, name), self.folder / f"index-{time.monotonic_ns()}"
        environment = {"GIT_INDEX_FILE": str(index)}
        parent = self.head(repo)
        if parent:
            self.git(repo, "read-tree", parent, **environment)
        for path, content in files.items():
            blob = self.git(repo, "hash-object", "-w", "--stdin", data=content).decode().strip()
            self.git(repo, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **environment)
        tree = self.git(repo, "write-tree", **environment).decode().strip()
        commit = (
            self.git(repo, "commit-tree", tree, *(["-p", parent] if parent else []), "-m", message).decode().strip()
        )
        self.git(repo, "update-ref", "refs/heads/main", commit)
        index.unlink()
        return commit

    def upload(self, kind: str, name: str, files: dict[str, Path | bytes]) -> None:
        """Fill a repository from the test's side, large files through LFS."""
        if not self.path(kind, name).exists():
            self.create(kind, name)
        contents = {path: file if isinstance(file, bytes) else file.read_bytes() for path, file in files.items()}
        self.commit(kind, name, {path: self.store(path, content) for path, content in contents.items()})

    def store(self, path: str, content: bytes) -> bytes:
        if not path.endswith(LFS_SUFFIXES):
            return content
        oid = hashlib.sha256(content).hexdigest()
        (self.folder / "lfs" / oid).write_bytes(content)
        return LFS_POINTER.format(oid=oid, size=len(content)).encode()

    def head(self, repo: Path) -> str | None:
        try:
            return self.git(repo, "rev-parse", "--verify", "--quiet", "main").decode().strip()
        except FileNotFoundError:
            return None

    def log(self, kind: str, name: str) -> list[dict]:
        """The commits as the API lists them, newest first."""
        lines = self.git(self.path(kind, name), "log", "--format=%H %s", "main").decode().splitlines()
        rest = {"message": "", "authors": [], "date": "2026-01-01T00:00:00.000Z"}
        return [rest | dict(zip(("id", "title"), line.split(" ", 1), strict=True)) for line in lines]

    def commit_of(self, path: str) -> str:
        """The newest commit of the repository that a request's path names, zeros if there is none."""
        parts = path.strip("/").split("/")
        kind = parts.pop(0) if parts[0] in ("datasets", "spaces") else "models"
        return self.head(self.path(kind, "/".join(parts[:2]))) or "0" * 40

    def files(self, kind: str, name: str) -> dict[str, dict]:
        """Path → ``{"oid", "size", "content" or "lfs"}`` of the newest commit."""
        repo, found = self.path(kind, name), {}
        for line in self.git(repo, "ls-tree", "-r", "-z", "main").decode().rstrip("\0").split("\0"):
            info, path = line.split("\t")
            content = self.git(repo, "cat-file", "blob", info.split()[2])
            found[path] = {"oid": info.split()[2], "size": len(content), "content": content}
            if content.startswith(b"version https://git-lfs"):
                oid, size = (part.split()[-1].decode() for part in content.splitlines()[1:3])
                found[path] |= {"lfs": oid.removeprefix("sha256:"), "size": int(size)}
        return found

    # Requests

    def user(self, request: Request) -> tuple[str, str] | None:
        header = request.headers.get("authorization", "")
        token = header.removeprefix("Bearer ")
        if header.startswith("Basic "):
            token = base64.b64decode(header.removeprefix("Basic ")).decode().split(":", 1)[1]
        return self.tokens.get(token)

    def denied(self, request: Request, name: str | None = None) -> Response | None:
        """The answer to someone who may not write (to the repository ``name``), or None for one who may."""
        user = self.user(request)
        if user is None:
            return JSONResponse({"error": "Invalid credentials"}, 401, {"WWW-Authenticate": 'Basic realm="hub"'})
        if user[1] != "write" or (name and name.split("/")[0] != user[0]):
            return JSONResponse({"error": "Forbidden"}, 403)
        return None

    async def handle(self, request: Request) -> Response:
        path, method = request.url.path, request.method
        self.requests.append((method, path))
        for fault in self.faults:
            if (answer := fault(request)) is not None:
                return answer
        parts = path.strip("/").split("/")
        body = await request.body()
        return await asyncio.to_thread(self.answer, request, parts, body)

    def answer(self, request: Request, parts: list[str], body: bytes) -> Response:
        if parts == [""]:
            return Response("hub")
        if parts[0] == "oauth":
            return self.oauth(parts[1])
        if parts[0] == "api":
            return self.api(request, parts[1:], body)
        if parts[0] == "xet":
            return self.xet.answer(request, parts[2:], body)
        if parts[0] == "lfs":
            return self.lfs_object(request, parts[1], body)
        kind = parts.pop(0) if parts[0] in ("datasets", "spaces") else "models"
        name = "/".join(parts[:2]).removesuffix(".git")
        if not self.path(kind, name).exists():
            return not_found("RepoNotFound", f"no {kind} {name}")
        if parts[2:3] == ["resolve"]:
            return self.resolve(request, kind, name, "/".join(parts[4:]))
        if parts[2:] == ["info", "lfs", "objects", "batch"]:
            return self.lfs_batch(request, name, json.loads(body))
        if parts[2:4] == ["info", "lfs"]:
            return JSONResponse({"message": "no locks here"}, 404)
        return self.git_http(request, kind, name, "/".join(parts[2:]), body)

    def oauth(self, step: str) -> Response:
        """The device flow of a login (RFC 8628); the user, who is not here, allows it between the first look and the second."""
        if step == "device":
            self.looks = 0
            codes = {"device_code": "device", "user_code": "ABCD-EFGH", "expires_in": 60, "interval": 0.1}
            return JSONResponse(codes | {"verification_uri": f"{self.endpoint}/device"})
        self.looks += 1
        if self.looks == 1:
            return JSONResponse({"error": "authorization_pending"}, 400)
        token = next(token for token, (_, role) in self.tokens.items() if role == "write")
        return JSONResponse({"access_token": token, "token_type": "bearer", "expires_in": 28_800})

    def api(self, request: Request, parts: list[str], body: bytes) -> Response:
        if parts == ["whoami-v2"]:
            user = self.user(request)
            if user is None:
                return JSONResponse({"error": "Invalid credentials"}, 401)
            token = {"displayName": "test", "role": user[1]}
            return JSONResponse(
                {
                    "type": "user",
                    "name": user[0],
                    "fullname": user[0],
                    "email": f"{user[0]}@localhost",
                    "orgs": [],
                    "auth": {"accessToken": token},
                }
            )
        if parts == ["validate-yaml"]:
            return JSONResponse({"errors": [], "warnings": []})
        if parts == ["repos", "create"]:
            return self.create_repo(request, json.loads(body))
        kind, name, rest = parts[0], "/".join(parts[1:3]), parts[3:]
        if kind not in ("models", "datasets", "spaces") or not self.path(kind, name).exists():
            return not_found("RepoNotFound", f"no {kind} {name}")
        if rest[:1] == ["preupload"]:
            return self.denied(request, name) or JSONResponse(
                {
                    "files": [
                        {
                            "path": file["path"],
                            "uploadMode": "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular",
                            "shouldIgnore": False,
                        }
                        for file in json.loads(body)["files"]
                    ]
                }
            )
        if rest[:1] == ["xet-read-token"]:
            return self.xet.token(self.endpoint, "read")
        if rest[:1] == ["xet-write-token"]:
            return self.denied(request, name) or self.xet.token(self.endpoint, "write")
        if rest[:1] == ["commit"]:
            return self.denied(request, name) or self.api_commit(kind, name, body)
        return self.listing(request, kind, name, rest, body)

    def listing(self, request: Request, kind: str, name: str, rest: list[str], body: bytes) -> Response:
        """What the API says of a repository."""
        files = self.files(kind, name)
        if rest[:1] == ["tree"]:
            deep = request.query_params.get("recursive", "").lower() == "true"
            return JSONResponse(tree(files, "/".join(rest[2:]), deep))
        if rest[:1] == ["paths-info"]:
            form = json.loads(body) if body[:1] == b"{" else None
            wanted = form["paths"] if form else [v for k, v in parse_form(body) if k == "paths"]
            return JSONResponse([entry(path, files[path]) for path in wanted if path in files])
        if rest[:1] == ["commits"]:
            return JSONResponse(self.log(kind, name))
        if rest == ["discussions"]:  # transformers looks for a converted model there where it finds none
            return JSONResponse({"discussions": [], "count": 0, "start": 0})
        if rest and rest[0] != "revision":
            return JSONResponse({"error": "not here"}, 404)
        return JSONResponse(
            {
                "_id": name,
                "id": name,
                "modelId": name,
                "author": name.split("/", maxsplit=1)[0],
                "sha": self.head(self.path(kind, name)),
                "lastModified": "2026-01-01T00:00:00.000Z",
                "private": False,
                "tags": [],
                "downloads": 0,
                "siblings": [{"rfilename": path} for path in files],
            }
        )

    def create_repo(self, request: Request, asked: dict) -> Response:
        if denied := self.denied(request):
            return denied
        name = f"{asked.get('organization') or self.user(request)[0]}/{asked['name']}"
        kind = f"{asked.get('type') or 'model'}s"
        answer = {"url": f"{self.endpoint}/{'' if kind == 'models' else kind + '/'}{name}", "name": name, "id": name}
        if self.path(kind, name).exists():
            return JSONResponse(answer | {"error": "You already created this repo"}, 409)
        self.create(kind, name)
        return JSONResponse(answer)

    def api_commit(self, kind: str, name: str, body: bytes) -> Response:
        files, message = {}, "commit"
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if not (self.folder / "lfs" / value["oid"]).exists():
                    return JSONResponse({"error": "LFS object missing"}, 400)
                files[value["path"]] = LFS_POINTER.format(oid=value["oid"], size=value["size"]).encode()
        commit = self.commit(kind, name, files, message)
        return JSONResponse(
            {"success": True, "commitOid": commit, "commitUrl": f"{self.endpoint}/{name}/commit/{commit}"}
        )

    def resolve(self, request: Request, kind: str, name: str, path: str) -> Response:
        file = self.files(kind, name).get(path)
        head = self.head(self.path(kind, name))
        if file is None:
            return not_found("EntryNotFound", f"no {path} in {name}", {"X-Repo-Commit": head})
        headers = {"X-Repo-Commit": head, "Accept-Ranges": "bytes"}
        if "lfs" in file:
            return FileResponse(self.folder / "lfs" / file["lfs"], headers=headers | {"ETag": f'"{file["lfs"]}"'})
        return Response(file["content"], headers=headers | {"ETag": f'"{file["oid"]}"'})

    def lfs_batch(self, request: Request, name: str, asked: dict) -> Response:
        upload = asked["operation"] == "upload"
        if upload and (denied := self.denied(request, name)):
            return denied
        objects = []
        for item in asked["objects"]:
            known = (self.folder / "lfs" / item["oid"]).exists()
            action = {"href": f"{self.endpoint}/lfs/{item['oid']}"}
            if upload:
                objects.append(item if known else item | {"actions": {"upload": action}})
            else:
                missing = {"error": {"code": 404, "message": "missing"}}
                objects.append(item | ({"actions": {"download": action}} if known else missing))
        return JSONResponse({"transfer": "basic", "objects": objects}, media_type="application/vnd.git-lfs+json")

    def lfs_object(self, request: Request, oid: str, body: bytes) -> Response:
        path = self.folder / "lfs" / oid
        if request.method == "PUT":
            if hashlib.sha256(body).hexdigest() != oid:
                return Response("wrong sum", 422)
            path.write_bytes(body)
            return Response()
        return FileResponse(path)

    def git_http(self, request: Request, kind: str, name: str, rest: str, body: bytes) -> Response:
        pushes = "git-receive-pack" in (rest, request.query_params.get("service"))
        if pushes and (denied := self.denied(request, name)):
            return denied
        environment = os.environ | {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{kind}/{name}.git/{rest}",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.url.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "REMOTE_USER": "test",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        return Response(content, status, headers)

    def app(self) -> Starlette:
        methods = ["GET", "HEAD", "POST", "PUT"]
        return Starlette(routes=[Route("/{path:path}", self.handle, methods=methods)])


def tree(files: dict[str, dict], folder: str, deep: bool) -> list[dict]:
    """The files and folders in ``folder``, all the way down if ``deep``."""
    prefix = f"{folder}/" if folder else ""
    listed = {}
    for path, file in files.items():
        if path.startswith(prefix):
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts)):
                name = prefix + "/".join(parts[:depth])
                if deep or depth == 1:
                    listed[name] = {"type": "directory", "path": name, "oid": "0" * 40, "size": 0}
            if deep or len(parts) == 1:
                listed[path] = entry(path, file)
    return list(listed.values())


def entry(path: str, file: dict) -> dict:
    """A file as the API lists it."""
    listed = {"type": "file", "path": path, "oid": file["oid"], "size": file["size"]}
    if "lfs" in file:
        listed["lfs"] = {"oid": file["lfs"], "size": file["size"], "pointerSize": 130}
    return listed


def parse_form(body: bytes) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(body.decode())


def not_found(code: str, message: str, headers: dict | None = None) -> Response:
    return JSONResponse({"error": message}, 404, {"X-Error-Code": code, "X-Error-Message": message} | (headers or {}))
