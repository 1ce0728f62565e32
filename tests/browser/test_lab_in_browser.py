"""JupyterLab itself: started, a notebook opened in Chromium and run to its end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from browser.chromium import Page

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_first_outlook.ipynb"
PANEL = "[...(window.jupyterapp?.shell?.widgets('main') ?? [])].find(w => w.context?.path?.endsWith('.ipynb'))"
STATE = f"""(() => {{ const p = {PANEL}?.content?.widgets; if (!p) return null;
  const code = p.filter(c => c.model.type === 'code');
  return {{ cells: code.length, done: code.filter(c => c.model.executionCount).length,
           bad: code.flatMap(c => c.model.outputs.toJSON()).filter(o => o.output_type === 'error').map(o => o.evalue),
           pictures: document.querySelectorAll('.jp-OutputArea-output img').length }}; }})()"""


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as r:
            return bool(r.status == 200)
    except OSError:
        return False


def free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.mark.skipif(not NOTEBOOK.exists(), reason="the notebooks are not beside the tests")
def test_first_notebook_runs_in_jupyterlab(page: Page, tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    port = free_port()
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=", "--expose-app-in-browser", "--LabApp.news_url=None", f"--ServerApp.root_dir={tmp_path}"]
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path / "c"), "JUPYTER_DATA_DIR": str(tmp_path / "d"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "r")}
    log = (tmp_path / "lab.log").open("w")
    lab = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], cwd=tmp_path, stdout=log, stderr=log, env=env)
    try:
        base = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 90
        while not answers(f"{base}/api"):
            assert lab.poll() is None and time.monotonic() < end, (tmp_path / "lab.log").read_text()[-2000:]
            time.sleep(0.5)
        page.look(width=1400, height=1000)
        page.send("Emulation.setFocusEmulationEnabled", enabled=True)
        page.go(f"{base}/lab/tree/{NOTEBOOK.name}")
        page.until(f"!!{PANEL}?.content?.widgets?.length", 90)
        page.until(f"{PANEL}.sessionContext?.session?.kernel?.status === 'idle'", 90)
        page.js(f"window.jupyterapp.shell.activateById({PANEL}.id)")
        page.js("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        end = time.monotonic() + 150
        state = page.js(STATE)
        while state["done"] < state["cells"] and not state["bad"] and time.monotonic() < end:
            time.sleep(1)
            state = page.js(STATE)
        assert state["bad"] == []
        assert state["done"] == state["cells"]
        assert state["pictures"] >= 1
        if os.environ.get("KEEP_PICTURES"):
            page.photograph(Path(os.environ["KEEP_PICTURES"]) / "lab.png", whole=False)
    finally:
        lab.terminate()
        try:
            lab.wait(20)
        except subprocess.TimeoutExpired:
            lab.kill()
            lab.wait(20)
        log.close()
