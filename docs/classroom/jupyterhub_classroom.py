"""What a JupyterHub needs to serve these lessons to a room: copy it to /opt/tljh/config/jupyterhub_config.d/, or load it from
your own jupyterhub_config.py. A test starts a JupyterHub with this very file and ten learners.
"""

import os

# Where the kit is, installed with `make install`. All learners read it, none can write there.
KIT = os.environ.get("TUTORIAL_KIT", "/srv/text-classification-tutorial")
# The prepared reviews, made once by an administrator; see docs/classroom.md.
CACHE = os.environ.get("TUTORIAL_CACHE", "/srv/text-classification-cache")

c = get_config()  # noqa: F821

c.Spawner.environment = {
    # One thread a learner. With more, learners who train at the same time wait for one another's threads.
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TUTORIAL_CACHE": CACHE,
    "TUTORIAL_ASSETS": "embedded",  # nothing is downloaded, and nothing leaves the machine
    # The kernels of the lessons.
    "JUPYTER_PATH": os.pathsep.join(f"{KIT}/.venv/{track}/share/jupyter" for track in ("pytorch", "tensorflow")),
}
c.Spawner.default_url = "/lab"
# The spawners of TLJH and of Kubernetes keep to it; lessons 04 and 05 need more, see docs/classroom.md.
c.Spawner.mem_limit = "2G"
c.Spawner.args = [
    # A kernel that nobody used for 30 minutes gives its memory back; a running cell counts as use.
    "--MappingKernelManager.cull_idle_timeout=1800",
    "--MappingKernelManager.cull_interval=120",
    "--ServerApp.terminals_enabled=False",
]
c.JupyterHub.shutdown_on_logout = True
# Nobody opens another one's server: that takes the scope "shares", which no role here has. Leave it so.
