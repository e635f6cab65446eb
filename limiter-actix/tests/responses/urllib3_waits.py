"""Has urllib3 wait as refusals tell it to. Exits with a traceback where it does not.

Arguments: host and port of a server with the paths /seconds and /date, each with one request per 2 seconds, and
/never, which refuses all.
"""

import json
import sys
import time

import urllib3
from urllib3.util.retry import Retry

host, port = sys.argv[1], int(sys.argv[2])
# One connection: what a HEAD leaves on it would be read as the answer to the next request.
pool = urllib3.HTTPConnectionPool(host, port, maxsize=1, block=True)


def ask(method, path, **options):
    return pool.request(method, path, **options)


def refuse(path):
    """Spends what there is; tells how long urllib3 would wait."""
    assert ask("GET", path, retries=False).status == 200, path
    refused = ask("GET", path, retries=False)
    assert refused.status == 429, (path, refused.status)
    return Retry().get_retry_after(refused)


def wait_and_succeed(path):
    start = time.monotonic()
    answer = ask("GET", path, retries=Retry(total=1, backoff_factor=0))
    assert answer.status == 200, (path, answer.status)
    assert len(answer.retries.history) == 1, (path, answer.retries.history)
    return time.monotonic() - start


seconds, date = refuse("/seconds"), refuse("/date")
assert 1 <= seconds <= 2, seconds
assert 0 < date <= 3, date

waited = wait_and_succeed("/seconds")
assert waited >= 1, waited
# The wait before has used up most of this one.
refused = ask("HEAD", "/seconds", retries=False)
assert (refused.status, refused.data) == (429, b""), refused.status
assert refused.headers["Retry-After"] in ("1", "2"), refused.headers
assert ask("GET", "/date", retries=Retry(total=1, backoff_factor=0)).status == 200

# Without the header there is nothing to wait for.
refused = ask("GET", "/never", retries=Retry(total=1, backoff_factor=0))
assert (refused.status, refused.retries.history) == (429, ()), refused.retries
assert json.loads(refused.data)["violated-policies"] == ["0 per 1 day"], refused.data

assert pool.num_connections == 1, pool.num_connections
