"""A running appliance, spoken to over its interface."""

import json
import pathlib
import time
import urllib.request


class Appliance:
    def __init__(self, state, limit=60):
        access = pathlib.Path(state) / "local-access.json"
        end = time.monotonic() + limit
        while not access.exists():
            if time.monotonic() > end:
                raise SystemExit("the appliance did not start")
            time.sleep(0.02)
        self.access = json.loads(access.read_text())

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.access["url"] + path, method=method)
        request.add_header("Authorization", "Bearer " + self.access["token"])
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, data, timeout=120) as answer:
                text = answer.read()
        except urllib.error.HTTPError as e:
            raise SystemExit(f"{method} {path}: {e.read().decode()}")
        return json.loads(text) if text else None

    def job(self, body, limit=900):
        """Runs a job and returns it when it has succeeded."""
        job = self.call("POST", "/api/v1/jobs", body)
        end = time.monotonic() + limit
        while job["state"] in ("QUEUED", "RUNNING"):
            if time.monotonic() > end:
                raise SystemExit(f"job {job['id']} does not end")
            time.sleep(0.01)
            job = self.call("GET", "/api/v1/jobs/" + job["id"])
        if job["state"] != "SUCCEEDED":
            raise SystemExit(f"job {job['id']}: {job.get('error')}")
        return job
